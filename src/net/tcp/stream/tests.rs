use super::*;
use crate::answer::Transport;
use crate::net::limits::Limits;
use crate::net::stop::StopSender;
use crate::net::testing::{
    BIG, Echo, NOTHING, PANIC, answer, ask, ends, framed, lane, lane_of, query, read_message,
};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

struct Server {
    client: DuplexStream,
    lane: Arc<Lane<Echo>>,
    served: JoinHandle<()>,
    stop: StopSender,
}

/// A stream that holds `room` bytes in each direction.
fn serve(room: usize, limits: Limits) -> Server {
    let (client, io) = tokio::io::duplex(room);
    let (lane, stop) = lane_of(Echo, Transport::Tcp, limits);
    let lane = Arc::new(lane);
    let of_task = lane.clone();
    let served = tokio::spawn(async move { serve_stream(io, ends(), &of_task).await });
    Server { client, lane, served, stop }
}

fn expected(id: u16, rest: &[u8]) -> Option<Vec<u8>> {
    Some(answer(id, rest, Transport::Tcp))
}

#[tokio::test(start_paused = true)]
async fn a_panic_and_a_silence_take_nothing_from_their_neighbours() {
    let mut server = serve(4096, Limits::default());
    let commands = [b'x', PANIC, b'y', NOTHING, b'z'];
    let queries =
        commands.iter().zip(1..).flat_map(|(command, id)| framed(&query(id, &[*command])));
    server.client.write_all(&queries.collect::<Vec<_>>()).await.unwrap();
    for (id, rest) in [(1, b"x"), (3, b"y"), (5, b"z")] {
        assert_eq!(read_message(&mut server.client).await, expected(id, rest));
    }
    assert_eq!(server.lane.counters.panics.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_closed_its_side_gets_its_answers() {
    let server = serve(256, Limits::default());
    let (mut read, mut write) = tokio::io::split(server.client);
    let wrote = tokio::spawn(async move {
        for id in 0..50 {
            write.write_all(&framed(&query(id, &[b'x'; 100]))).await.unwrap();
        }
        write.write_all(&[0, 40, 1]).await.unwrap();
        write.shutdown().await.unwrap();
    });
    for id in 0..50 {
        assert_eq!(read_message(&mut read).await, expected(id, &[b'x'; 100]));
    }
    assert_eq!(read_message(&mut read).await, None);
    wrote.await.unwrap();
    server.served.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_a_message_ends_the_stream_after_the_answers_before_it() {
    for absurd in [framed(b""), framed(b"short"), vec![0, 11]] {
        let mut server = serve(4096, Limits::default());
        let sent = [framed(&query(1, b"x")), absurd, framed(&query(2, b"y"))].concat();
        server.client.write_all(&sent).await.unwrap();
        assert_eq!(read_message(&mut server.client).await, expected(1, b"x"));
        assert_eq!(read_message(&mut server.client).await, None);
        server.served.await.unwrap();
        assert_eq!(server.lane.connections().protocol_errors.load(Ordering::Relaxed), 1);
    }
}

/// The stream holds 1 KiB, the first answer 60 KB: the other queries only fit if the server reads on while it
/// cannot write.
#[tokio::test(start_paused = true)]
async fn a_big_answer_that_waits_does_not_stop_reading() {
    let mut server = serve(1024, Limits::default());
    server.client.write_all(&framed(&query(0, &[BIG]))).await.unwrap();
    for id in 1..20 {
        server.client.write_all(&framed(&query(id, &[b'x'; 500]))).await.unwrap();
    }
    assert_eq!(read_message(&mut server.client).await, expected(0, &[BIG]));
    for id in 1..20 {
        assert_eq!(read_message(&mut server.client).await, expected(id, &[b'x'; 500]));
    }
}

/// A client that asks for ever and takes nothing fills outbox and inbox, and then waits.
#[tokio::test(start_paused = true)]
async fn unsent_answers_are_bounded() {
    let limits = Limits { idle_timeout: Duration::from_secs(1), ..Limits::default() };
    let mut server = serve(1024, limits);
    let mut queries = 0_usize;
    let started = Instant::now();
    while server.client.write_all(&framed(&query(0, &[BIG; 500]))).await.is_ok() {
        queries += 1;
    }
    // The inbox, two answers, and what is on the way.
    assert!(queries * 514 < INBOX_BYTES_MAX + 4 * 1024, "{queries}");
    assert!(started.elapsed() <= Duration::from_secs(1) + DRAIN);
    server.served.await.unwrap();
    assert_eq!(server.lane.connections().timed_out.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn only_whole_messages_put_off_the_idle_timeout() {
    let mut server = serve(1024, Limits::default());
    let idle = server.lane.limits.idle_timeout;
    tokio::time::sleep(idle - Duration::from_secs(1)).await;
    assert_eq!(ask(&mut server.client, &query(1, b"x")).await, expected(1, b"x"));
    let answered = Instant::now();
    // One byte each second of a message that is never whole.
    let mut trickle = framed(&query(2, &[b'x'; 100])).into_iter();
    while server.client.write_u8(trickle.next().unwrap()).await.is_ok() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(answered.elapsed() >= idle && answered.elapsed() <= idle + Duration::from_secs(1));
    server.served.await.unwrap();
    assert_eq!(server.lane.connections().timed_out.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn no_connection_outlives_its_lifetime() {
    let limits = Limits { lifetime_max: Duration::from_secs(60), ..Limits::default() };
    let mut server = serve(1024, limits);
    let opened = Instant::now();
    let mut id = 0;
    while ask(&mut server.client, &query(id, b"x")).await.is_some() {
        id += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!((60..=61).contains(&opened.elapsed().as_secs()), "{:?}", opened.elapsed());
}

#[tokio::test(start_paused = true)]
async fn stopping_sends_what_is_answered_and_ends() {
    let mut server = serve(1024, Limits::default());
    server.client.write_all(&framed(&query(1, &[BIG]))).await.unwrap();
    // The first bytes of the answer: it is under way.
    let bytes = server.client.read_u16().await.unwrap();
    drop(server.lane);
    let (stopped, rest) = tokio::join!(server.stop.stop(2 * DRAIN), async {
        let mut message = vec![0; bytes.into()];
        server.client.read_exact(&mut message).await.unwrap();
        assert_eq!(server.client.read(&mut [0]).await.unwrap(), 0);
        message
    });
    assert!(stopped);
    assert_eq!(Some(rest), expected(1, &[BIG]));
    server.served.await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However a stream is cut into reads, and however slowly it is taken, the answers are the same.
    #[test]
    fn cuts_do_not_matter(
        lengths in prop::collection::vec(0_usize..3000, 1..30),
        cuts in prop::collection::vec(1_usize..5000, 1..20),
        room in 1_usize..5000,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (client, io) = tokio::io::duplex(room);
            let (lane, _stop) = lane(Echo);
            tokio::spawn(async move { serve_stream(io, ends(), &lane).await });
            let (mut read, mut write) = tokio::io::split(client);
            let queries = lengths.clone().into_iter().zip(0..)
                .flat_map(|(bytes, id)| framed(&query(id, &vec![b'x'; bytes])))
                .collect::<Vec<_>>();
            tokio::spawn(async move {
                let mut rest = &queries[..];
                for cut in cuts.iter().cycle() {
                    let (now, later) = rest.split_at(*cut.min(&rest.len()));
                    write.write_all(now).await.unwrap();
                    tokio::task::yield_now().await;
                    rest = later;
                    if rest.is_empty() {
                        break;
                    }
                }
                write.shutdown().await.unwrap();
            });
            for (bytes, id) in lengths.into_iter().zip(0..) {
                assert_eq!(read_message(&mut read).await, expected(id, &vec![b'x'; bytes]));
            }
            assert_eq!(read_message(&mut read).await, None);
        });
    }
}
