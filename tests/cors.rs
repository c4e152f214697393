//! What pages of other origins may see of a hub's streams: by table, and in a real browser.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request as AxumRequest, State};
use axum::response::Html;
use axum::routing::{any, get};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, header};
use sansse_tokio::{
    Admitted, Cors, CorsError, Endpoint, EndpointBody, EndpointLimits, Event, Hub, Refusal, Retry,
    WhenFull,
};
use tests::browser::{Browser, Device};
use tests::requirement::BROWSER;
use tokio::net::TcpListener;

const LISTED: [&str; 3] = ["https://example.org", "http://localhost:3000", "null"];

/// What of an answer concerns pages of other origins.
#[derive(Debug, Default, PartialEq, Eq)]
struct Marks {
    origin: Option<String>,
    credentials: Option<String>,
    vary: Option<String>,
    methods: Option<String>,
    headers: Option<String>,
    max_age: Option<String>,
}

impl Marks {
    fn of(headers: &HeaderMap) -> Self {
        let value = |name: HeaderName| {
            let values: Vec<_> =
                headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
            (!values.is_empty()).then(|| values.join(" | "))
        };
        Self {
            origin: value(header::ACCESS_CONTROL_ALLOW_ORIGIN),
            credentials: value(header::ACCESS_CONTROL_ALLOW_CREDENTIALS),
            vary: value(header::VARY),
            methods: value(header::ACCESS_CONTROL_ALLOW_METHODS),
            headers: value(header::ACCESS_CONTROL_ALLOW_HEADERS),
            max_age: value(header::ACCESS_CONTROL_MAX_AGE),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    None,
    Any,
    Listed { credentials: bool },
}

/// Every kind of answer that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Stream,
    Headers,
    Refused,
    Stopped,
    RefusedByCaller,
    ComeBack,
    Unavailable,
    BadTopic,
    NotAcceptable,
    NotAllowed,
    Options,
    Preflight,
}

impl Kind {
    const ALL: [Self; 12] = [
        Self::Stream,
        Self::Headers,
        Self::Refused,
        Self::Stopped,
        Self::RefusedByCaller,
        Self::ComeBack,
        Self::Unavailable,
        Self::BadTopic,
        Self::NotAcceptable,
        Self::NotAllowed,
        Self::Options,
        Self::Preflight,
    ];

    const fn status(self) -> u16 {
        match self {
            Self::Stream | Self::Headers | Self::ComeBack => 200,
            Self::Stopped | Self::Options | Self::Preflight => 204,
            Self::BadTopic | Self::RefusedByCaller => 400,
            Self::Refused => 401,
            Self::NotAllowed => 405,
            Self::NotAcceptable => 406,
            Self::Unavailable => 503,
        }
    }

    async fn answer(self, endpoint: Endpoint, origins: &[&str]) -> Response<EndpointBody> {
        let full = EndpointLimits::new().connections(0);
        let endpoint = match self {
            Self::Refused => endpoint.admission(|_| async {
                Err(Refusal::new(StatusCode::UNAUTHORIZED, "Log in first."))
            }),
            Self::Stopped => endpoint.admission(|_| async { Err(Refusal::stop()) }),
            Self::ComeBack => endpoint.limits(full),
            Self::Unavailable => endpoint.limits(full).when_full(WhenFull::ServiceUnavailable),
            _ => endpoint,
        };
        let mut request = Request::builder().method(match self {
            Self::Headers => Method::HEAD,
            Self::NotAllowed => Method::DELETE,
            Self::Options | Self::Preflight => Method::OPTIONS,
            _ => Method::GET,
        });
        for origin in origins {
            request = request.header("origin", *origin);
        }
        if self == Self::NotAcceptable {
            request = request.header("accept", "image/png");
        }
        if self == Self::Preflight {
            request = request
                .header("access-control-request-method", "GET")
                .header("access-control-request-headers", "cache-control,last-event-id");
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let topic = if self == Self::BadTopic { "" } else { "news" };
        let request = endpoint.request(&head, [topic]);
        if self == Self::RefusedByCaller {
            return request.refuse(Refusal::new(StatusCode::BAD_REQUEST, "Say it well."));
        }
        request.answer().await
    }
}

#[tokio::test]
async fn every_answer_says_who_may_read_it() {
    let mut combinations = 0;
    for policy in [
        Policy::None,
        Policy::Any,
        Policy::Listed { credentials: false },
        Policy::Listed { credentials: true },
    ] {
        let endpoint = Endpoint::new(Hub::new());
        let endpoint = match policy {
            Policy::None => endpoint,
            Policy::Any => endpoint.cors(Cors::any().credentials(false).unwrap()),
            Policy::Listed { credentials } => {
                endpoint.cors(Cors::allow(LISTED).unwrap().credentials(credentials).unwrap())
            }
        };
        for (origins, is_listed) in [
            (&[][..], false),
            (&["https://example.org"], true),
            (&["http://localhost:3000"], true),
            (&["null"], true),
            (&["https://example.org:443"], false),
            (&["https://example.or"], false),
            (&["https://example.org.evil.example"], false),
            (&["http://example.org"], false),
            (&["https://EXAMPLE.org"], false),
            (&["https://a.example.org"], false),
            (&["http://localhost"], false),
            (&["*"], false),
            (&[""], false),
            (&["https://example.org https://example.org"], false),
            (&["https://example.org", "https://evil.example"], false),
            (&["https://evil.example", "https://example.org"], false),
        ] {
            for kind in Kind::ALL {
                let mut expected = Marks::default();
                if let Policy::Listed { .. } = policy {
                    expected.vary = Some("Origin".into());
                }
                let (is_readable, credentials) = match policy {
                    Policy::None => (false, false),
                    Policy::Any => (true, false),
                    Policy::Listed { credentials } => (is_listed, credentials),
                };
                if is_readable {
                    let origin = if policy == Policy::Any { "*" } else { origins[0] };
                    expected.origin = Some(origin.into());
                    expected.credentials = credentials.then(|| "true".into());
                }
                if is_readable && kind == Kind::Preflight {
                    expected.methods = Some("GET, HEAD".into());
                    expected.headers = Some("last-event-id, cache-control".into());
                    expected.max_age = Some("7200".into());
                }
                let response = kind.answer(endpoint.clone(), origins).await;
                // Who may not read it is answered all the same.
                assert_eq!(response.status().as_u16(), kind.status(), "{kind:?} {origins:?}");
                let marks = Marks::of(response.headers());
                assert_eq!(marks, expected, "{policy:?} {kind:?} {origins:?}");
                combinations += 1;
            }
        }
    }
    assert_eq!(combinations, 4 * 16 * 12);
}

#[tokio::test]
async fn null_is_allowed_only_where_it_is_listed() {
    let endpoint = Endpoint::new(Hub::new()).cors(Cors::allow(["https://example.org"]).unwrap());
    let response = Kind::Stream.answer(endpoint.clone(), &["null"]).await;
    assert_eq!(Marks::of(response.headers()).origin, None);
    // What a clone is told concerns no other.
    let other = endpoint.clone().cors(Cors::allow(["null"]).unwrap());
    let response = Kind::Stream.answer(other, &["null"]).await;
    assert_eq!(Marks::of(response.headers()).origin.unwrap(), "null");
    let response = Kind::Stream.answer(endpoint, &["null"]).await;
    assert_eq!(Marks::of(response.headers()).origin, None);
}

#[tokio::test]
async fn more_headers_can_be_allowed() {
    let cors = Cors::any()
        .request_headers([header::AUTHORIZATION, HeaderName::from_static("x-tenant")])
        .max_age(Duration::from_millis(60_900));
    let response = Kind::Preflight.answer(Endpoint::new(Hub::new()).cors(cors), &["null"]).await;
    let marks = Marks::of(response.headers());
    assert_eq!(marks.headers.unwrap(), "last-event-id, cache-control, authorization, x-tenant");
    assert_eq!(marks.max_age.unwrap(), "60");
}

#[test]
fn origins_are_those_that_browsers_write() {
    for origin in [
        "https://example.org",
        "http://example.org",
        "http://example.org:8080",
        "https://example.org:80",
        "http://127.0.0.1:443",
        "http://[::1]:3000",
        "https://xn--bcher-kva.example",
        "chrome-extension://abcdefgh",
        "capacitor://localhost",
        "null",
    ] {
        assert!(Cors::allow([origin]).is_ok(), "{origin}");
    }
    for origin in [
        "",
        "*",
        "NULL",
        "example.org",
        "//example.org",
        "https://",
        "https://:8080",
        "https://example.org/",
        "https://example.org/path",
        "https://example.org?query",
        "https://example.org#",
        "https://user@example.org",
        "https://example.org:",
        "https://example.org:0",
        "https://example.org:443",
        "http://example.org:80",
        "https://example.org:08080",
        "https://example.org:65536",
        "https://example.org:+80",
        "https://Example.org",
        "HTTPS://example.org",
        "1https://example.org",
        "https://bücher.example",
        " https://example.org",
        "https://example.org ",
        "https://example.org,https://example.net",
        "https://example.org\r\nx: y",
        "https://*.example.org",
        "https://example%2eorg",
    ] {
        let problem = Cors::allow(["https://example.org", origin]).unwrap_err();
        assert_eq!(problem, CorsError::Origin(origin.into()));
    }
    assert_eq!(Cors::any().credentials(true).unwrap_err(), CorsError::CredentialsOfAny);
}

async fn answer(State(endpoint): State<Endpoint>, request: AxumRequest) -> Response<EndpointBody> {
    let (head, _) = request.into_parts();
    endpoint.request(&head, ["news"]).answer().await
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    (listener, origin)
}

/// An EventSource that the page tells of.
fn open(name: &str, url: &str, credentials: bool) -> String {
    format!(
        "const source = new EventSource('{url}', {{withCredentials: {credentials}}});\
         const seen = window.{name} = {{state: 'connecting', data: [], errors: 0}};\
         source.onopen = () => seen.state = 'open';\
         source.onmessage = event => seen.data.push(event.data);\
         source.onerror = () => {{\
             seen.errors++;\
             if (source.readyState === EventSource.CLOSED) seen.state = 'closed';\
         }};"
    )
}

/// A request as readers make it that are not the browser's own.
fn fetch(name: &str, url: &str, header: &str) -> String {
    format!(
        "window.{name} = 'waiting';\
         fetch('{url}', {{method: 'HEAD', credentials: 'include', headers: {{\
             'Last-Event-ID': 'z-0', 'Cache-Control': 'no-store', '{header}': 'x'\
         }}}}).then(answer => window.{name} = answer.status, () => window.{name} = 'failed');"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_reads_with_credentials() {
    if !BROWSER.is_met("a_page_of_another_origin_reads_with_credentials") {
        return;
    }
    let (pages, page_origin) = listen().await;
    let (events, events_origin) = listen().await;
    let hub = Hub::builder().retry(Retry::new(Duration::from_millis(100))).build();
    let admitted = Arc::new(AtomicUsize::new(0));
    let closed = Endpoint::new(hub.clone()).admission({
        let admitted = Arc::clone(&admitted);
        move |request| {
            let is_known =
                request.head.headers.get("cookie").is_some_and(|cookie| cookie == "session=anna");
            admitted.fetch_add(is_known.into(), Ordering::SeqCst);
            std::future::ready(if is_known {
                Ok(Admitted::new().user("anna"))
            } else {
                Err(Refusal::new(StatusCode::UNAUTHORIZED, "Log in first."))
            })
        }
    });
    let cors = Cors::allow([&page_origin]).unwrap();
    let without = closed.clone().cors(cors.clone());
    let allowed = closed.clone().cors(cors.clone().credentials(true).unwrap());
    let narrow = Endpoint::new(hub.clone())
        .cors(cors)
        .limits(EndpointLimits::new().connections(1))
        .come_back(Retry::new(Duration::from_millis(100)));
    let login = || async { ([("set-cookie", "session=anna; HttpOnly")], "Welcome.") };
    let routes = Router::new()
        .route("/login", get(login))
        .route("/allowed", any(answer).with_state(allowed))
        .route("/without", any(answer).with_state(without))
        .route("/closed", any(answer).with_state(closed))
        .route("/narrow", any(answer).with_state(narrow.clone()));
    tokio::spawn(async move { axum::serve(events, routes).await });
    let page =
        Router::new().route("/", get(|| async { Html("<!doctype html><title>Page</title>") }));
    tokio::spawn(async move { axum::serve(pages, page).await });
    let url = |path: &str| format!("{events_origin}{path}");

    let browser = Browser::start(Path::new(env!("CARGO_TARGET_TMPDIR")), Device::Desktop).await;
    browser.open(&url("/login")).await;
    browser.open(&page_origin).await;
    browser.run(&open("allowed", &url("/allowed"), true)).await;
    browser.wait_for("allowed.state", "open").await;
    hub.publish("news", &Event::new("for Anna")).unwrap();
    browser.wait_for("allowed.data", vec!["for Anna"]).await;
    assert_eq!(admitted.load(Ordering::SeqCst), 1);

    // Without the cookie it is refused, which ends it for good.
    browser.run(&open("stranger", &url("/allowed"), false)).await;
    browser.wait_for("stranger.state", "closed").await;
    assert_eq!(admitted.load(Ordering::SeqCst), 1);

    // The server would have it, but the page may not see it: with credentials, or at all.
    for (count, path) in [(2, "/without"), (3, "/closed")] {
        browser.run(&open("hidden", &url(path), true)).await;
        browser.wait_for("hidden.state", "closed").await;
        browser.wait_for("hidden.data", Vec::<String>::new()).await;
        assert_eq!(admitted.load(Ordering::SeqCst), count, "{path}");
    }

    // Other readers ask by a preflight; a refusal they can read as well.
    browser.run(&fetch("refused", &url("/allowed"), "Accept")).await;
    browser.wait_for("refused", 406).await;
    browser.run(&fetch("known", &url("/allowed"), "Accept-Language")).await;
    browser.wait_for("known", 200).await;
    browser.run(&fetch("unknown", &url("/allowed"), "X-Unknown")).await;
    browser.wait_for("unknown", "failed").await;
    browser.run(&fetch("unlisted", &url("/closed"), "Accept-Language")).await;
    browser.wait_for("unlisted", "failed").await;

    // Who finds no place comes back until there is one.
    let (head, ()) = Request::get("/narrow").body(()).unwrap().into_parts();
    let place = narrow.request(&head, ["news"]).answer().await;
    browser.run(&open("patient", &url("/narrow"), false)).await;
    browser.wait_for("patient.errors > 2", true).await;
    drop(place);
    let publishing = hub.clone();
    let news = tokio::spawn(async move {
        loop {
            publishing.publish("news", &Event::new("at last")).unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    browser.wait_for("patient.data.includes('at last')", true).await;
    browser.wait_for("allowed.data.includes('at last')", true).await;
    news.abort();
    browser.quit().await;
}
