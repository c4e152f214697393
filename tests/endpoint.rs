//! The door of a hub: who gets a stream, what the others are told, and when places are free again.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::routing::any;
use futures_util::FutureExt as _;
use http::{Method, Response, StatusCode, header};
use http_body::Body as _;
use proptest::prelude::*;
use sansse_tokio::{
    Admitted, Endpoint, EndpointBody, EndpointLimits, Event, Hub, Retry, Start, WhenFull,
};
use tests::answer::{answer, come_back, get, head, hub, is_stream, read, whole};
use tests::client::client;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn a_stream_is_opened_with_get_and_its_headers_with_head() {
    let hub = hub();
    let endpoint = Endpoint::new(hub.clone());
    let mut stream = answer(&endpoint, &get(&[])).await;
    assert_eq!(read(&mut stream), ("id: z-0\n\n".into(), false));
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert_eq!(stream.headers()["cache-control"], "no-store, no-transform");
    assert_eq!(stream.headers()["x-accel-buffering"], "no");
    assert!(!stream.headers().contains_key(header::VARY));
    hub.publish("news", &Event::new("hello")).unwrap();
    assert_eq!(read(&mut stream).0, "id: z-1\ndata: hello\n\n");
    assert_eq!((hub.subscribers(), endpoint.streams()), (1, 1));

    let response = answer(&endpoint, &head(&Method::HEAD, &[])).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers(), stream.headers());
    assert_eq!(response.body().size_hint().exact(), None);
    assert_eq!(whole(response), "");
    assert_eq!((hub.subscribers(), endpoint.streams()), (1, 1));

    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "get"] {
        let request = head(&method.parse().unwrap(), &[]);
        let response = answer(&endpoint, &request).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS");
        assert!(whole(response).ends_with(".\n"));
    }
    let response = answer(&endpoint, &head(&Method::OPTIONS, &[])).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS");
    assert!(!response.headers().contains_key(header::CONTENT_TYPE));
    assert_eq!(whole(response), "");
    assert_eq!((hub.subscribers(), endpoint.streams()), (1, 1));
}

#[tokio::test]
async fn an_event_stream_has_to_be_acceptable() {
    let endpoint = Endpoint::new(hub());
    for (accept, expected) in [
        (&[][..], true),
        (&["text/event-stream"], true),
        (&["text/html", "*/*;q=0.1"], true),
        (&["application/json"], false),
        (&["*/*", "text/event-stream;q=0"], false),
    ] {
        let headers: Vec<_> = accept.iter().map(|value| ("accept", *value)).collect();
        let mut response = answer(&endpoint, &get(&headers)).await;
        if expected {
            assert!(is_stream(&mut response), "{accept:?}");
        } else {
            assert_eq!(response.status(), StatusCode::NOT_ACCEPTABLE, "{accept:?}");
            assert!(whole(response).contains("accept text/event-stream"));
        }
    }
}

#[tokio::test]
async fn a_stream_starts_where_it_is_asked_to() {
    let hub = hub();
    let endpoint = Endpoint::new(hub.clone());
    for data in ["1", "2", "3"] {
        hub.publish("news", &Event::new(data)).unwrap();
    }
    let request = get(&[("last-event-id", "z-2")]);
    assert_eq!(read(&mut answer(&endpoint, &request).await).0, "id: z-2\n\nid: z-3\ndata: 3\n\n");
    let last = endpoint.request(&request, ["news"]).start(Start::Last(2)).answer().await;
    assert!(read(&mut { last }).0.ends_with("id: z-2\ndata: 2\n\nid: z-3\ndata: 3\n\n"));
}

/// There is no place, by the endpoint's own reconnection times.
fn assert_has_no_place(response: Response<EndpointBody>) {
    assert!((5_000..15_000).contains(&come_back(response)));
}

async fn answer_from(endpoint: &Endpoint, address: &str) -> Response<EndpointBody> {
    let address = address.parse().unwrap();
    endpoint.request(&get(&[]), ["news"]).address(address).answer().await
}

#[tokio::test]
async fn places_are_limited_and_freed() {
    let limits = EndpointLimits::new().connections(3).per_address(2);
    let endpoint = Endpoint::new(hub()).limits(limits);
    let one = answer_from(&endpoint, "192.0.2.1").await;
    let mut two = answer_from(&endpoint, "::ffff:192.0.2.1").await;
    assert!(is_stream(&mut two));
    // The address has enough, another one does not.
    assert_has_no_place(answer_from(&endpoint, "192.0.2.1").await);
    let mut three = answer_from(&endpoint.clone(), "2001:db8::1").await;
    assert!(is_stream(&mut three));
    // Now there is no place for anyone, with an address or without; HEAD learns it too.
    assert_has_no_place(answer_from(&endpoint, "192.0.2.2").await);
    assert_has_no_place(answer(&endpoint, &get(&[])).await);
    let to_head = answer(&endpoint, &head(&Method::HEAD, &[])).await;
    assert!(to_head.headers().contains_key(header::CONTENT_LENGTH));
    assert_eq!(endpoint.streams(), 3);

    drop(one);
    let mut again = answer_from(&endpoint, "192.0.2.1").await;
    assert!(is_stream(&mut again));
    drop((two, again));
    let mut same_network = answer_from(&endpoint, "2001:db8::ffff").await;
    assert!(is_stream(&mut same_network));
    assert_has_no_place(answer_from(&endpoint, "2001:db8::2").await);
    let mut other_network = answer_from(&endpoint, "2001:db8:0:1::1").await;
    assert!(is_stream(&mut other_network));
    drop((three, same_network, other_network));
    assert_eq!(endpoint.streams(), 0);
}

/// Names the user by the header `user`.
fn with_users(hub: Hub, limits: EndpointLimits) -> Endpoint {
    Endpoint::new(hub).limits(limits).admission(|request| async move {
        let user = request.head.headers.get("user").and_then(|user| user.to_str().ok());
        Ok(user.map_or_else(Admitted::new, |user| Admitted::new().user(user)))
    })
}

#[tokio::test]
async fn a_user_has_so_many_streams() {
    let hub = hub();
    let endpoint = with_users(hub.clone(), EndpointLimits::new().per_user(2));
    let anna = get(&[("user", "anna")]);
    let one = answer(&endpoint, &anna).await;
    let mut two = answer(&endpoint, &anna).await;
    assert!(is_stream(&mut two));
    assert_has_no_place(answer(&endpoint, &anna).await);
    let to_head = answer(&endpoint, &head(&Method::HEAD, &[("user", "anna")])).await;
    assert!(to_head.headers().contains_key(header::CONTENT_LENGTH));
    // Others do not suffer for it, nor who has no name.
    assert!(is_stream(&mut answer(&endpoint, &get(&[("user", "bert")])).await));
    let nameless: Vec<_> = [answer(&endpoint, &get(&[])).await, answer(&endpoint, &get(&[])).await]
        .into_iter()
        .chain([answer(&endpoint, &get(&[])).await])
        .collect();
    assert_eq!((hub.subscribers(), endpoint.streams()), (5, 5));
    drop(one);
    assert!(is_stream(&mut answer(&endpoint, &anna).await));
    drop((two, nameless));
    assert_eq!((hub.subscribers(), endpoint.streams()), (0, 0));
}

#[tokio::test]
async fn who_is_being_asked_about_holds_a_place() {
    let endpoint = Endpoint::new(hub())
        .limits(EndpointLimits::new().connections(1))
        .admission(|_| std::future::pending());
    for method in [Method::GET, Method::HEAD] {
        let request = head(&method, &[]);
        {
            let mut asked = pin!(answer(&endpoint, &request));
            assert!((&mut asked).now_or_never().is_none());
            assert_eq!(endpoint.streams(), 1);
            assert_has_no_place(answer(&endpoint, &get(&[])).await);
        }
        // The client has left.
        assert_eq!(endpoint.streams(), 0);
    }
}

#[tokio::test]
async fn who_comes_too_much_comes_back_at_different_times() {
    let full = EndpointLimits::new().connections(0);
    let endpoint = Endpoint::new(hub()).limits(full);
    let mut times = HashSet::new();
    for _ in 0..100 {
        let milliseconds = come_back(answer(&endpoint, &get(&[])).await);
        assert!((5_000..15_000).contains(&milliseconds));
        times.insert(milliseconds);
    }
    assert!(times.len() > 90, "{}", times.len());
    assert!((0..10).all(|second| {
        let second = 5_000 + second * 1000..6_000 + second * 1000;
        (5..=20).contains(&times.iter().filter(|time| second.contains(*time)).count())
    }));

    let exact = endpoint.clone().come_back(Retry::new(Duration::from_millis(1234)));
    assert_eq!(come_back(answer(&exact, &get(&[])).await), 1234);
    let unavailable = endpoint.when_full(WhenFull::ServiceUnavailable);
    let response = answer(&unavailable, &get(&[])).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let seconds: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((5..=15).contains(&seconds), "{seconds}");
    assert!(whole(response).contains("come back later"));
    let exact = unavailable.come_back(Retry::new(Duration::ZERO));
    assert_eq!(answer(&exact, &get(&[])).await.headers()["retry-after"], "1");
}

async fn serve(
    State(endpoint): State<Endpoint>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<EndpointBody> {
    let (head, _) = request.into_parts();
    endpoint.request(&head, ["news"]).address(peer.ip()).answer().await
}

#[tokio::test]
async fn a_client_that_vanishes_gives_back_its_place() {
    let hub = hub();
    let endpoint = Endpoint::new(hub.clone())
        .limits(EndpointLimits::new().per_address(2))
        .come_back(Retry::new(Duration::from_secs(7)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/news", listener.local_addr().unwrap());
    let routes = Router::new().route("/news", any(serve)).with_state(endpoint.clone());
    let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let to_head = client().head(&url).send().await.unwrap();
    assert_eq!(to_head.headers()["content-type"], "text/event-stream");
    assert!(!to_head.headers().contains_key("content-length"));
    let mut one = client().get(&url).send().await.unwrap();
    assert_eq!(one.chunk().await.unwrap().unwrap(), "id: z-0\n\n");
    let two = client().get(&url).send().await.unwrap();
    let full = client().get(&url).send().await.unwrap();
    let text = timeout(Duration::from_secs(20), full.text()).await.unwrap().unwrap();
    assert_eq!(text, "retry: 7000\n\n");
    let to_head = client().head(&url).send().await.unwrap();
    assert_eq!(to_head.headers()["content-length"], text.len().to_string());
    assert_eq!((hub.subscribers(), endpoint.streams()), (2, 2));

    // Nothing is published: that they have left is seen by their sockets alone.
    drop((one, two));
    let freed = async {
        while endpoint.streams() > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(20), freed).await.expect("the places are free");
    assert_eq!(hub.subscribers(), 0);
}

proptest! {
    /// Of clients that leave together, hardly more than the mean come back in any second.
    #[test]
    fn reconnections_are_spread_evenly(
        skipped in 0..10_000_usize,
        clients in 1..5_000_usize,
        seconds in 1..600_u64,
        base in 0..100_000_u64,
        window in 0.0..1.0_f64,
    ) {
        let retry = Retry::new(Duration::from_millis(base)).spread(Duration::from_secs(seconds));
        for _ in 0..skipped {
            let _ = retry.next();
        }
        let times: Vec<u64> = (0..clients).map(|_| retry.next()).collect();
        prop_assert!(times.iter().all(|time| (base..base + seconds * 1000).contains(time)));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let shift = (window * 1000.0) as u64;
        let mut buckets = vec![0_u64; usize::try_from(seconds).unwrap() + 1];
        for time in times {
            buckets[usize::try_from((time - base + shift) / 1000).unwrap()] += 1;
        }
        let most = buckets.into_iter().max().unwrap();
        prop_assert!(
            most * seconds <= 2 * (clients as u64) + 2 * seconds,
            "{most} of {clients} in one of {seconds} s"
        );
    }
}
