//! The hook that is asked about each request for a stream.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use sansse_tokio::{Admitted, Endpoint, EndpointBody, Event, Refusal};
use tests::answer::{answer, come_back, get, head, hub, is_stream, read, whole};
use tokio::time::{Instant, sleep, timeout};

#[tokio::test]
async fn topics_that_cannot_be_are_refused_before_the_hook_is_asked() {
    let hub = hub();
    let endpoint =
        Endpoint::new(hub.clone()).admission(|_| async { panic!("there is nothing to ask") });
    for method in [Method::GET, Method::HEAD] {
        let request = head(&method, &[]);
        for (topics, word) in [
            (vec![], "no topic"),
            (vec!["a".to_owned(); 65], "64"),
            (vec!["x".repeat(257)], "long"),
            (vec!["a\nb".to_owned()], "control"),
            (vec!["a".to_owned(), String::new()], "name"),
        ] {
            let response = endpoint.request(&request, topics).answer().await;
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{word}");
            let text = whole(response);
            assert!(method == Method::HEAD || text.contains(word), "{text}");
        }
    }
    // However many are named, no more are looked at than it takes to see that.
    let mut named = 0;
    let many = std::iter::repeat_with(|| {
        named += 1;
        "a"
    });
    let _ = endpoint.request(&get(&[]), many).answer().await;
    assert_eq!(named, 65);
    assert_eq!((hub.subscribers(), endpoint.streams()), (0, 0));
}

#[tokio::test]
async fn the_hook_sees_the_request() {
    #[derive(Clone, Debug, PartialEq)]
    struct Session(u32);

    let seen = Arc::new(Mutex::new(Vec::new()));
    let endpoint = Endpoint::new(hub()).admission({
        let seen = Arc::clone(&seen);
        move |request| {
            let seen = Arc::clone(&seen);
            async move {
                // A hook may wait.
                tokio::task::yield_now().await;
                seen.lock().unwrap().push(request);
                Ok(Admitted::new())
            }
        }
    });
    let mut request = get(&[("cookie", "session=7")]);
    request.extensions.insert(Session(7));
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    let mut stream = endpoint.request(&request, ["news", "user/7"]).address(address).answer().await;
    assert!(is_stream(&mut stream));
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].head.headers["cookie"], "session=7");
    assert_eq!(seen[0].head.uri, "/news");
    assert_eq!(seen[0].head.extensions.get(), Some(&Session(7)));
    assert_eq!(seen[0].topics, ["news", "user/7"]);
    assert_eq!(seen[0].address, Some(address));
}

#[tokio::test]
async fn the_hook_may_refuse() {
    let location = HeaderValue::from_static("https://other.example/news");
    let wants_login = HeaderValue::from_static("Bearer");
    for (refusal, status, text) in [
        (Refusal::stop(), 204, ""),
        (Refusal::new(StatusCode::NO_CONTENT, "never sent"), 204, ""),
        (Refusal::new(StatusCode::FORBIDDEN, "Not for you."), 403, "Not for you.\n"),
        (Refusal::new(StatusCode::OK, "No."), 403, "No.\n"),
        (Refusal::new(StatusCode::CONTINUE, "No."), 403, "No.\n"),
        (Refusal::new(StatusCode::BAD_GATEWAY, "Broken."), 502, "Broken.\n"),
        (
            Refusal::new(StatusCode::UNAUTHORIZED, "Log in.")
                .header(header::WWW_AUTHENTICATE, wants_login.clone()),
            401,
            "Log in.\n",
        ),
        (
            Refusal::new(StatusCode::TEMPORARY_REDIRECT, "Elsewhere.")
                .header(header::LOCATION, location.clone()),
            307,
            "Elsewhere.\n",
        ),
    ] {
        let hub = hub();
        let endpoint = Endpoint::new(hub.clone()).admission({
            let refusal = refusal.clone();
            move |_| std::future::ready(Err(refusal.clone()))
        });
        let response = answer(&endpoint, &get(&[])).await;
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers()["cache-control"], "no-store");
        let headers = response.headers();
        assert_eq!(headers.get("www-authenticate") == Some(&wants_login), status == 401);
        assert_eq!(headers.get("location") == Some(&location), status == 307);
        assert_eq!(headers.contains_key("content-type"), status != 204);

        // So it is to HEAD, without the text, and to what the caller refuses itself.
        let to_head = answer(&endpoint, &head(&Method::HEAD, &[])).await;
        assert_eq!(to_head.status().as_u16(), status);
        let length = to_head.headers().get("content-length").cloned();
        assert_eq!(length, (status != 204).then(|| HeaderValue::from(text.len())));
        assert_eq!(whole(to_head), "");
        let mine = Endpoint::new(hub.clone()).request(&get(&[]), ["a"]).refuse(refusal.clone());
        assert_eq!((mine.status(), mine.headers()), (response.status(), response.headers()));
        assert_eq!(whole(response), text);
        assert_eq!((hub.subscribers(), endpoint.streams()), (0, 0));
        // Who asks for no stream is not refused one.
        let other = endpoint.request(&head(&Method::PUT, &[]), ["a"]).refuse(refusal);
        assert_eq!(other.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
    let later = Endpoint::new(hub()).admission(|_| async { Err(Refusal::later()) });
    assert!((5_000..15_000).contains(&come_back(answer(&later, &get(&[])).await)));
}

#[tokio::test]
async fn the_hook_may_change_the_topics() {
    let hub = hub();
    let endpoint = Endpoint::new(hub.clone()).admission(|request| async move {
        let allowed = request.topics.into_iter().filter(|topic| topic != "secret");
        Ok(Admitted::new().topics(allowed))
    });
    let request = get(&[]);
    let mut stream = endpoint.request(&request, ["secret", "news"]).answer().await;
    assert!(is_stream(&mut stream));
    hub.publish("secret", &Event::new("s")).unwrap();
    hub.publish("news", &Event::new("n")).unwrap();
    assert_eq!(read(&mut stream).0, "id: z-2\ndata: n\n\n");
    for method in [Method::GET, Method::HEAD] {
        let response = endpoint.request(&head(&method, &[]), ["secret"]).answer().await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
    }
    assert_eq!((hub.subscribers(), endpoint.streams()), (1, 1));
}

async fn next(response: &mut Response<EndpointBody>) -> Option<String> {
    let frame = response.body_mut().frame().await?.unwrap().into_data().unwrap();
    Some(String::from_utf8(frame.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn an_admission_expires() {
    let hub = hub();
    let endpoint = Endpoint::new(hub.clone()).admission(|request| async move {
        let admitted = Admitted::new();
        Ok(match request.topics[0].as_str() {
            "minute" => admitted.expires_in(Duration::from_secs(60)),
            "at" => {
                let moment = Instant::now() + Duration::from_secs(60);
                admitted.expires_at(moment.into_std())
            }
            "now" => admitted.expires_in(Duration::ZERO),
            "never" => admitted.expires_in(Duration::MAX),
            _ => admitted,
        })
    });
    let request = get(&[]);
    for topic in ["minute", "at"] {
        let start = Instant::now();
        let mut stream = endpoint.request(&request, [topic]).answer().await;
        assert!(next(&mut stream).await.unwrap().starts_with("id: z-"));
        sleep(Duration::from_secs(59)).await;
        let id = hub.publish(topic, &Event::new("in time")).unwrap();
        assert_eq!(next(&mut stream).await.unwrap(), format!("id: {id}\ndata: in time\n\n"));
        assert_eq!(endpoint.streams(), 1);
        let last = next(&mut stream).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 60);
        let milliseconds = last.strip_prefix("retry: ").and_then(|rest| rest.strip_suffix("\n\n"));
        assert!((500..1500).contains(&milliseconds.unwrap().parse::<u64>().unwrap()));
        assert!(stream.body().is_end_stream());
        hub.publish(topic, &Event::new("meanwhile")).unwrap();
        assert_eq!(next(&mut stream).await, None);
        drop(stream);
        assert_eq!((hub.subscribers(), endpoint.streams()), (0, 0));

        // Nothing is lost meanwhile.
        let id = id.to_string();
        let again = get(&[("last-event-id", &id)]);
        let mut stream = endpoint.request(&again, [topic]).answer().await;
        next(&mut stream).await.unwrap();
        assert!(next(&mut stream).await.unwrap().ends_with("data: meanwhile\n\n"));
    }
    // The position goes out all the same.
    let mut stream = endpoint.request(&request, ["now"]).answer().await;
    assert!(next(&mut stream).await.unwrap().starts_with("id: z-"));
    assert!(next(&mut stream).await.unwrap().starts_with("retry: "));
    assert_eq!(next(&mut stream).await, None);

    for topic in ["never", "ever"] {
        let mut stream = endpoint.request(&request, [topic]).answer().await;
        next(&mut stream).await.unwrap();
        assert!(timeout(Duration::from_secs(1 << 25), next(&mut stream)).await.is_err());
    }
}
