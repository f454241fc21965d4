//! Answers of every kind, from a server that says one thing.

use super::*;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[derive(Debug, Deserialize)]
struct Answer {
    n: u32,
}

/// A server that gives these answers (status line, media type, body), one a connection, and tells what it was asked.
async fn say(answers: &[(&str, &str, &str)]) -> (Url, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let texts: Vec<String> = answers
        .iter()
        .map(|(status, media_type, body)| {
            let length = body.len();
            format!(
                "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nConnection: close\r\n\
                 Content-Length: {length}\r\n\r\n{body}"
            )
        })
        .collect();
    let asked = tokio::spawn(async move {
        let mut asked = Vec::new();
        for text in texts {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a request"));
            }
            asked.push(String::from_utf8(head).expect("ASCII"));
            stream.write_all(text.as_bytes()).await.expect("written");
            stream.shutdown().await.expect("closed");
        }
        asked
    });
    (Url::parse(&format!("http://{address}/")).expect("a URL"), asked)
}

fn api(base: Url, token: Token) -> Api {
    Api::new(base, token).expect("a client")
}

/// What is at a path, read as the commands read it.
async fn get<T: DeserializeOwned>(
    api: &Api,
    path: &str,
    query: &[(&str, &str)],
) -> Result<T, Failure> {
    api.decode(path, &api.get_text(path, query).await?).await
}

#[tokio::test]
async fn what_was_asked_and_answered() {
    let (base, asked) = say(&[("200 OK", "application/json", "{\"n\":7}")]).await;
    let header = HeaderValue::from_static("Bearer s3cret");
    let api = api(base, Token::Read { path: "token".into(), header });
    let answer: Answer = get(&api, "api/v1/x", &[("name", "a&b")]).await.expect("an answer");
    assert_eq!(answer.n, 7);
    let asked = asked.await.expect("asked").remove(0);
    assert!(asked.starts_with("GET /api/v1/x?name=a%26b HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("authorization: Bearer s3cret\r\n"), "{asked}");
}

#[tokio::test]
async fn every_failure_says_what_and_the_cure() {
    const JSON: &str = "application/json";
    const PROBLEM: &str = "application/problem+json";
    const NEWER: &str = "{\"server\":{\"version\":\"9.0.0\"}}";
    let check = async |answers: &[(&str, &str, &str)], status: Option<u16>, parts: [&str; 2]| {
        let (base, _) = say(answers).await;
        let failure =
            get::<Answer>(&api(base, Token::None), "x", &[]).await.expect_err("a failure");
        let Finding { message, help, .. } = failure.finding;
        let help = help.unwrap_or_default();
        assert!(message.contains(parts[0]), "{message}");
        assert!(help.contains(parts[1]), "{help}");
        assert_eq!(failure.status, status);
        assert!(!message.contains('\u{1b}'), "{message:?}");
    };
    let problem = "{\"status\":404,\"title\":\"unknown site \\\"fraa\\\"\\u001b[m\",\
                   \"help\":\"did you mean \\\"fra\\\"?\"}";
    check(&[("404 Not Found", PROBLEM, problem)], Some(404), ["unknown site", "did you mean"])
        .await;
    check(&[("401 Unauthorized", PROBLEM, "{}")], Some(401), ["wants a token", "--token-file"])
        .await;
    check(&[("422 X", JSON, "{\"outcome\":\"refused\"}")], Some(422), ["answered 422", ""]).await;
    let foreign = ["is no Fingerpost", "another program"];
    check(&[("200 OK", "text/html", "<p>")], None, foreign).await;
    check(&[("404 Not Found", "text/html", "<p>")], None, foreign).await;
    check(&[("302 Found", "text/html", "")], None, foreign).await;
    check(&[("rubbish", "", "")], None, foreign).await;
    check(&[("200 OK", JSON, "[]"), ("200 OK", JSON, "{}")], None, foreign).await;
    let other = ["runs fingerpost 9.0.0", "of the version that runs"];
    check(&[("200 OK", JSON, "[]"), ("200 OK", JSON, NEWER)], None, other).await;
}

#[tokio::test]
async fn the_body_of_a_refusal_is_kept() {
    let body = "{\"title\":\"its last site would go\",\"effect\":{\"refused\":true}}";
    let (base, _) = say(&[("409 Conflict", "application/problem+json", body)]).await;
    let order = serde_json::json!({ "site": "fra" });
    let failure = api(base, Token::None).post::<Answer>(OVERRIDES, &order).await;
    let failure = failure.expect_err("a refusal");
    assert_eq!((failure.status, &failure.body["effect"]["refused"]), (Some(409), &true.into()));
}

#[tokio::test]
async fn nobody_listens() {
    // Bound and not listening: nobody else gets the port.
    let bound = tokio::net::TcpSocket::new_v4().expect("a socket");
    bound.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let address = bound.local_addr().expect("its address");
    let api = api(Url::parse(&format!("http://{address}/")).expect("a URL"), Token::None);
    let failure = get::<Answer>(&api, "x", &[]).await.expect_err("nobody");
    let text = failure.finding.to_string();
    assert!(text.contains("no server answers") && text.contains("fingerpost serve"), "{text}");
}

#[tokio::test]
async fn a_token_that_is_of_no_use_is_named() {
    let check = async |token: Token, part: &str| {
        let (base, _) = say(&[("401 Unauthorized", "application/problem+json", "{}")]).await;
        let failure = get::<Answer>(&api(base, token), "x", &[]).await.expect_err("refused");
        assert!(failure.finding.to_string().contains(part), "{}", failure.finding);
    };
    let header = HeaderValue::from_static("Bearer s3cret");
    check(Token::Read { path: "etc/token".into(), header }, "does not know the token in etc/token")
        .await;
    let (path, why) = ("etc/token".into(), "permission denied".into());
    check(Token::Unreadable { path, why }, "cannot be read: permission denied").await;
}
