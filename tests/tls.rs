//! `sansse serve` over TLS.

use std::path::Path;
use std::process::Output;

use reqwest::{ClientBuilder, Version};
use tests::certificate::Certificate;
use tests::command::sansse;
use tests::reader::Reader;
use tests::server::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_get_the_version_they_ask_for() {
    let server = Server::start_tls(folder(), &[]);
    assert!(server.url("/").starts_with("https://"));
    let any = server.client(|builder| builder);
    let old = server.client(ClientBuilder::http1_only);
    for (client, version) in [(any, Version::HTTP_2), (old, Version::HTTP_11)] {
        let mut reader = Reader::open(client.get(server.url("/topics/a"))).await;
        assert_eq!(reader.version(), version);
        server.publish("a", "hello").await;
        assert_eq!(reader.next().await.unwrap(), "message:hello");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_streams_cleanly() {
    for version in [Version::HTTP_2, Version::HTTP_11] {
        let mut server = Server::start_tls(folder(), &[]);
        let client = match version {
            Version::HTTP_2 => server.client(|builder| builder),
            _ => server.client(ClientBuilder::http1_only),
        };
        let mut reader = Reader::open(client.get(server.url("/topics/a"))).await;
        let _unfinished = TcpStream::connect(server.address()).await.unwrap();
        let (status, elapsed) = server.stop("TERM");
        assert!(status.success(), "{status}");
        assert!(elapsed.as_secs() < 5, "{elapsed:?}");
        assert_eq!(reader.next().await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_tls_is_counted_and_harms_nobody() {
    let server = Server::start_tls(folder(), &[]);
    let client = server.client(|builder| builder);
    let mut bystander = Reader::open(client.get(server.url("/topics/a"))).await;
    for garbage in [&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..], b"\x16\x03\x01\xFF\xFF", b"\0"] {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        socket.write_all(garbage).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
    }
    server.wait_for_metric("sansse_tls_handshakes_failed_total", |failed| failed == 3.0).await;
    server.publish("a", "still here").await;
    assert_eq!(bystander.next().await.unwrap(), "message:still here");
}

#[test]
fn what_is_wrong_with_the_files_is_one_line_that_says_what_to_do() {
    let [certificate, key] = Certificate::new().write(folder());
    let [other_certificate, other_key] = Certificate::new().write(folder());
    let [garbage, _] = Certificate {
        certificate: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".into(),
        key: String::new(),
    }
    .write(folder());
    let missing = folder().join("missing.pem");
    let serve = |arguments: &[(&str, &Path)]| {
        let mut command = sansse();
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        for (option, path) in arguments {
            command.arg(option).arg(path);
        }
        command.output().unwrap()
    };
    let assert_one_line = |output: Output, code: i32, parts: &[&str]| {
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    };
    for (certificate, key, parts) in [
        (&missing, &key, ["cannot read", "missing.pem", "--tls-cert"]),
        (&certificate, &missing, ["cannot read", "missing.pem", "--tls-key"]),
        (&key, &key, ["there is no certificate", "key-", "--tls-cert"]),
        (&certificate, &certificate, ["there is no private key", "certificate-", "--tls-key"]),
        (&certificate, &other_key, ["is not that of", "--tls-key", "--tls-cert"]),
        (&other_certificate, &key, ["is not that of", "--tls-key", "--tls-cert"]),
        (&garbage, &key, ["cannot serve TLS", "certificate-", "--tls-cert"]),
    ] {
        assert_one_line(serve(&[("--tls-cert", certificate), ("--tls-key", key)]), 1, &parts);
    }
    assert_one_line(serve(&[("--tls-cert", &certificate)]), 2, &["--tls-key"]);
    assert_one_line(serve(&[("--tls-key", &key)]), 2, &["--tls-cert"]);
}
