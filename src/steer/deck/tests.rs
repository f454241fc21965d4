use super::*;
use proptest::prelude::*;

const METHODS: [Method; 4] = [Method::Weighted, Method::RoundRobin, Method::Random, Method::Hash];

fn members(weights: &[u32]) -> Vec<Member> {
    let numbered = weights.iter().zip(1..);
    numbered
        .map(|(&weight, n)| Member { id: member_id(&format!("fra-{n}")), weight: weight.into() })
        .collect()
}

/// Weights as people write them, and extremes.
fn any_weights(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u32>> {
    let weight = prop_oneof![4 => 0..10_u32, 2 => 1..1000_u32, 1 => Just(0), 1 => any::<u32>(), 1 => Just(u32::MAX)];
    proptest::collection::vec(weight, count)
}

/// `min(1, c·w)` adding up to `width`, by trying every number of capped members.
fn ideal_shares(weights: &[f64], width: usize) -> Vec<f64> {
    let mut sorted = weights.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let capped = (0..width).find(|&capped| {
        let rest: f64 = sorted[capped..].iter().sum();
        (width - capped) as f64 * sorted[capped] <= rest
    });
    let Some(capped) = capped else {
        return weights.iter().map(|&w| if w > 0.0 { 1.0 } else { 0.0 }).collect();
    };
    let scale = (width - capped) as f64 / sorted[capped..].iter().sum::<f64>();
    weights.iter().map(|w| (scale * w).min(1.0)).collect()
}

fn assert_near(what: &str, found: &[f64], ideal: &[f64], tolerance: f64) {
    assert_eq!(found.len(), ideal.len());
    for (position, (found, ideal)) in found.iter().zip(ideal).enumerate() {
        assert!((found - ideal).abs() <= tolerance, "{what} of {position}: {found}, not {ideal}");
    }
}

fn effective(method: Method, weights: &[u32]) -> Vec<f64> {
    let all_zero = weights.iter().all(|&weight| weight == 0);
    let by_weight = !all_zero && matches!(method, Method::Weighted | Method::Hash);
    let flat = |weight| if all_zero || weight > 0 { 1.0 } else { 0.0 };
    weights.iter().map(|&w| if by_weight { f64::from(w) } else { flat(w) }).collect()
}

fn check_cards(method: Method, weights: &[u32], answers: usize) -> Result<(), TestCaseError> {
    let deck = Deck::build(method, answers, &members(weights));
    let eligible = effective(method, weights).iter().filter(|&&w| w > 0.0).count();
    let mut total = 0.0;
    for (card, probability) in deck.cards() {
        prop_assert_eq!(card.len(), answers.min(eligible));
        let mut distinct = card.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), card.len());
        prop_assert!(card.iter().all(|&p| usize::from(p) < weights.len()));
        prop_assert!(probability > 0.0);
        total += probability;
    }
    prop_assert!((total - 1.0).abs() < 1e-9);
    let again = Deck::build(method, answers, &members(weights));
    prop_assert!(deck.cards().eq(again.cards()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cards_are_well_formed(weights in any_weights(1..12), answers in 1..7_usize) {
        for method in [Method::Weighted, Method::RoundRobin, Method::Random] {
            check_cards(method, &weights, answers)?;
        }
    }

    #[test]
    fn shares_follow_the_weights(weights in any_weights(1..24), answers in 1..7_usize) {
        for method in [Method::Weighted, Method::Random, Method::RoundRobin] {
            let deck = Deck::build(method, answers, &members(&weights));
            let effective = effective(method, &weights);
            let sum: f64 = effective.iter().sum();
            let leads: Vec<f64> = effective.iter().map(|w| w / sum).collect();
            let eligible = effective.iter().filter(|&&w| w > 0.0).count();
            let shares = ideal_shares(&effective, answers.min(eligible));
            assert_near("share", &deck.shares(), &shares, 1e-6);
            assert_near("lead", &deck.lead_shares(), &leads, 1e-6);
        }
    }
}

proptest! {
    // A hash deck has a card to find for every bucket.
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hash_cards_are_well_formed(weights in any_weights(1..12), answers in 1..7_usize) {
        check_cards(Method::Hash, &weights, answers)?;
    }

    #[test]
    fn losing_a_member_moves_only_its_share(
        weights in any_weights(2..8), answers in 1..4_usize, lost in any::<prop::sample::Index>(),
    ) {
        let before = members(&weights);
        let lost = lost.index(before.len());
        let mut after = before.clone();
        after.remove(lost);
        // When the last member with a weight goes, those without one take over everything.
        prop_assume!(after.iter().any(|m| m.weight > 0) || before.iter().all(|m| m.weight == 0));
        let (old, new) = (Deck::build(Method::Hash, answers, &before), Deck::build(Method::Hash, answers, &after));
        for bucket in 0..HASH_BUCKETS as u64 {
            let hash = bucket << 50;
            let ids = |deck: &Deck, members: &[Member]| -> Vec<u64> {
                deck.card(deck.draw(0, 0, hash)).iter().map(|&p| members[usize::from(p)].id).collect()
            };
            let mut kept = ids(&old, &before);
            kept.retain(|&id| id != before[lost].id);
            let now = ids(&new, &after);
            prop_assert_eq!(&now[..kept.len()], &kept[..], "bucket {}", bucket);
        }
    }
}

#[test]
fn draws_follow_the_weights_within_one_percent() {
    const DRAWS: u32 = 100_000;
    let check = |method, weights: &[u32], answers: usize| {
        let deck = Deck::build(method, answers, &members(weights));
        let mut handed = vec![0.0; weights.len()];
        let mut leads = vec![0.0; weights.len()];
        for turn in 0..DRAWS {
            // As luck, and as a client network, what is neither a counter nor repeats.
            let random = mix(u64::from(turn) ^ 0x5eed);
            let client = network_hash(std::net::Ipv4Addr::from_bits(random as u32).into());
            let card = deck.card(deck.draw(random, turn, client));
            card.iter().for_each(|&p| handed[usize::from(p)] += 1.0 / f64::from(DRAWS));
            leads[usize::from(card[0])] += 1.0 / f64::from(DRAWS);
        }
        let effective = effective(method, weights);
        let sum: f64 = effective.iter().sum();
        let by_weight: Vec<f64> = effective.iter().map(|w| w / sum).collect();
        assert_near("lead", &leads, &by_weight, 0.01);
        let eligible = effective.iter().filter(|&&w| w > 0.0).count();
        let width = answers.min(eligible);
        let per_address =
            |shares: &[f64]| shares.iter().map(|s| s / width as f64).collect::<Vec<_>>();
        let ideal = ideal_shares(&effective, width);
        // Rendezvous fills later places from what is left, which is not the capped proportion when weights differ.
        if method != Method::Hash || width == 1 {
            assert_near("share", &per_address(&handed), &per_address(&ideal), 0.01);
        }
        assert_near("drawn share", &per_address(&handed), &per_address(&deck.shares()), 0.005);
    };
    for method in METHODS {
        for answers in 1..=3 {
            check(method, &[1, 1], answers);
            check(method, &[3, 1], answers);
            check(method, &[1, 1, 1, 1], answers);
            check(method, &[5, 4, 3, 2, 1, 0], answers);
            check(method, &[100, 1, 1, 1], answers);
            check(method, &[0, 0, 0], answers);
        }
    }
}

#[test]
fn the_cards_of_small_decks() {
    let check = |method, weights: &[u32], answers, expected: &[(&[u16], f64)]| {
        let deck = Deck::build(method, answers, &members(weights));
        let mut cards: Vec<_> = deck.cards().collect();
        cards.sort_by(|a, b| a.0.cmp(b.0));
        assert_eq!(cards, expected, "{method} {weights:?} {answers}");
    };
    check(Method::Weighted, &[3, 1], 1, &[(&[0], 0.75), (&[1], 0.25)]);
    check(Method::Weighted, &[3, 1], 2, &[(&[0, 1], 0.75), (&[1, 0], 0.25)]);
    check(
        Method::Weighted,
        &[2, 1, 1],
        2,
        &[(&[0, 1], 0.25), (&[0, 2], 0.25), (&[1, 0], 0.25), (&[2, 0], 0.25)],
    );
    check(Method::Weighted, &[7, 0], 2, &[(&[0], 1.0)]);
    check(Method::Weighted, &[0, 0], 1, &[(&[0], 0.5), (&[1], 0.5)]);
    check(Method::Random, &[3, 1], 1, &[(&[0], 0.5), (&[1], 0.5)]);
    check(
        Method::RoundRobin,
        &[3, 1, 0, 9],
        2,
        &[(&[0, 1], 1.0 / 3.0), (&[1, 3], 1.0 / 3.0), (&[3, 0], 1.0 / 3.0)],
    );
    check(Method::Hash, &[u32::MAX], 3, &[(&[0], 1.0)]);
    check(Method::Hash, &[], 3, &[(&[], 1.0)]);
    check(Method::Weighted, &[], 3, &[(&[], 1.0)]);
}

#[test]
fn round_robin_takes_turns() {
    let deck = Deck::build(Method::RoundRobin, 2, &members(&[1, 1, 1]));
    let drawn: Vec<&[u16]> = (0..4).map(|turn| deck.card(deck.draw(u64::MAX, turn, 0))).collect();
    assert_eq!(drawn, [[0, 1], [1, 2], [2, 0], [0, 1]]);
}

#[test]
fn the_ends_of_luck_draw_the_ends_of_the_deck() {
    let deck = Deck::build(Method::Weighted, 2, &members(&[5, 4, 3]));
    assert_eq!(deck.draw(0, 0, 0), 0);
    assert_eq!(deck.draw(u64::MAX, 0, 0), deck.card_count() - 1);
}

#[test]
fn pairs_are_mixed() {
    let deck = Deck::build(Method::Weighted, 2, &members(&[1; 6]));
    let mut pairs: Vec<Vec<u16>> = deck.cards().map(|(card, _)| card.to_vec()).collect();
    pairs.iter_mut().for_each(|pair| pair.sort_unstable());
    pairs.sort();
    pairs.dedup();
    assert!(pairs.len() > 6, "{pairs:?}");
}

#[test]
fn decks_stay_small() {
    let check = |method, count: u32, answers, bytes_max| {
        let weights: Vec<u32> = (0..count).map(|n| n % 7 * 1000 + n % 3).collect();
        let deck = Deck::build(method, answers, &members(&weights));
        assert!(
            deck.memory_bytes() <= bytes_max,
            "{method} {count} {answers}: {}",
            deck.memory_bytes()
        );
    };
    check(Method::Weighted, 10, 2, 1500);
    check(Method::Weighted, 10, 64, 500);
    check(Method::RoundRobin, 10, 2, 500);
    check(Method::Hash, 10, 2, 40_000);
    check(Method::Weighted, 4096, 2, 200_000);
    check(Method::Weighted, 4096, usize::MAX, 4_000_000);
}
