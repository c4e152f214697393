//! When an `EventSource` comes back, and when it does not, in simulated time.

use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use sansse_tokio::{
    Backoff, Decision, Disconnect, EventSource, EventSourceBuilder, ReconnectPolicy, Update,
};
use tests::script::{Connection, Step, more, open};
use tests::scripted::Scripted;
use tests::source_log::{next, take};
use tokio::time::timeout;

const HOUR: Duration = Duration::from_secs(3600);

fn builder(server: &Scripted) -> EventSourceBuilder {
    EventSource::get(server.url("/")).transport(server.transport())
}

fn source(server: &Scripted) -> EventSource {
    builder(server).connect().unwrap()
}

/// All waits that a source tells of within an hour, in milliseconds; no more than anybody may want.
async fn waits(mut source: EventSource) -> Vec<u64> {
    let mut waits = Vec::new();
    let _ = timeout(HOUR, async {
        while let Some(update) = source.next().await {
            if let Ok(Update::Disconnected { retry_in, .. }) = update {
                waits.push(u64::try_from(retry_in.as_millis()).unwrap());
                assert!(waits.len() <= 4 * 3600 + 1, "a busy loop: {:?}", &waits[..9]);
            }
        }
    })
    .await;
    waits
}

/// The milliseconds between requests that follow on each other.
fn pauses(server: &Scripted) -> Vec<u64> {
    let times: Vec<_> = server.seen().iter().map(|seen| seen.at).collect();
    let pause = |pair: &[Duration]| u64::try_from((pair[1] - pair[0]).as_millis()).unwrap();
    times.windows(2).map(pause).collect()
}

#[tokio::test(start_paused = true)]
async fn who_accepts_and_closes_is_asked_again_at_the_stated_pace() {
    for (connection, pace) in [
        (Connection::of([]), 3000),
        (Connection::of([Step::Reset]), 3000),
        (Connection::stream(""), 3000),
        (Connection::cut(": hello\n\n"), 3000),
        (Connection::stream("id: 1\n\n"), 3000),
        (Connection::stream("data: 1\n\n"), 3000),
        (Connection::stream("retry: 10000\n\n"), 10_000),
        (Connection::stream("retry: 0\n\n"), 250),
        (Connection::stream("retry: 0\ndata: 1\n\n"), 250),
        (Connection::cut("retry: 1"), 3000),
    ] {
        let name = format!("{connection:?}");
        let server = Scripted::in_memory_with([], connection);
        let _ = waits(source(&server)).await;
        let pauses = pauses(&server);
        assert!(pauses.iter().all(|&pause| pause == pace), "{name}: {pauses:?}");
        let attempts = usize::try_from(3_600_000 / pace).unwrap();
        assert!((attempts - 1..=attempts).contains(&pauses.len()), "{name}: {}", pauses.len());
    }
}

#[tokio::test(start_paused = true)]
async fn who_refuses_is_asked_again_at_the_stated_pace() {
    let server = Scripted::in_memory([]);
    let waits = waits(source(&server)).await;
    assert!(waits.iter().all(|&wait| wait == 3000), "{:?}", waits.first());
    // Not one more at once, and none left out.
    assert_eq!(waits.len(), 1201);
}

#[tokio::test(start_paused = true)]
async fn a_persistent_source_waits_longer_and_longer_and_a_little_more_at_random() {
    let server = Scripted::in_memory([]);
    let source = || builder(&server).policy(ReconnectPolicy::persistent()).connect().unwrap();
    let times = [3000, 6000, 12_000, 24_000].into_iter().chain(std::iter::repeat(30_000));
    let first = waits(source()).await;
    for (wait, time) in first.iter().zip(times) {
        assert!((time..=time + time / 4).contains(wait), "{wait} for {time}: {first:?}");
    }
    // As many as fit into an hour, and spread over the quarter.
    assert!((97..=122).contains(&first.len()), "{}", first.len());
    let late = &first[4..];
    assert!(late.iter().any(|&wait| wait < 32_000), "{late:?}");
    assert!(late.iter().any(|&wait| wait > 35_500), "{late:?}");
    // No two sources come at the same times.
    assert_ne!(first, waits(source()).await);
}

/// Failures in a row are counted over streams that show nothing.
#[tokio::test(start_paused = true)]
async fn an_event_or_a_life_proves_a_stream_and_nothing_else_does() {
    let backoff = Backoff { jitter: 0, ..Backoff::EXPONENTIAL };
    let policy = ReconnectPolicy::persistent().backoff(backoff);
    let policy = policy.proven_after(Duration::from_secs(10));
    let life = |seconds| Connection::of([open(""), Step::Wait(Duration::from_secs(seconds))]);
    for (name, connection, after) in [
        ("an event", Connection::cut("data: 1\n\n"), 3000),
        (
            "an event that is too large",
            Connection::cut(format!("data: {}\n\n", "x".repeat(99))),
            3000,
        ),
        ("a life", life(10), 3000),
        ("nearly a life", life(9), 24_000),
        ("that it opens", Connection::cut(""), 24_000),
        ("an end", Connection::stream(""), 24_000),
        ("comments", Connection::cut(": 1\n\n: 2\n\n"), 24_000),
        ("an id", Connection::cut("id: 1\n\n"), 24_000),
        ("a torn event", Connection::cut("data: 1\n"), 24_000),
        ("503", Connection::answer("503 Later", &[], ""), 24_000),
    ] {
        let script = [Connection::Refused, Connection::Refused, Connection::Refused, connection];
        let server = Scripted::in_memory(script);
        let builder = builder(&server).policy(policy.clone()).event_limit(50);
        let waits = waits(builder.connect().unwrap()).await;
        assert_eq!(waits[..4], [3000, 6000, 12_000, after], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_have_a_limit() {
    let policy = |attempts| ReconnectPolicy::standard().attempts(attempts);
    let server = Scripted::in_memory([Connection::Refused, Connection::stream("")]);
    let mut three = builder(&server).policy(policy(3)).connect().unwrap();
    assert_eq!(
        take(&mut three, &server, 9).await,
        [
            "unreachable, back in 3000",
            "open a/",
            "ended, back in 3000",
            "out of 3 attempts: unreachable",
            "closed: Failed",
        ]
    );

    // A stream that brought an event has not failed, however it ended; failures count anew then.
    let server = Scripted::in_memory([
        Connection::Refused,
        Connection::cut("data: 1\n\n"),
        Connection::Refused,
        Connection::stream("data: 2\n\n"),
    ]);
    let mut two = builder(&server).policy(policy(2)).connect().unwrap();
    assert_eq!(
        take(&mut two, &server, 99).await,
        [
            "unreachable, back in 3000",
            "open a/",
            "message:1",
            "cut, back in 3000",
            "unreachable, back in 3000",
            "open a/",
            "message:2",
            "ended, back in 3000",
            "unreachable, back in 3000",
            "out of 2 attempts: unreachable",
            "closed: Failed",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_may_say_when_to_come_back() {
    const NOW: &str = "date: Sat, 21 Nov 2026 10:00:00 GMT";
    for (headers, wait) in [
        (&["retry-after: 20"][..], 20_000),
        (&["retry-after:   20  "], 20_000),
        (&["retry-after: 1"], 3000),
        (&["retry-after: 0"], 3000),
        (&["retry-after: 99999999"], 86_400_000),
        (&["retry-after: 99999999999999999999999"], 86_400_000),
        (&["retry-after: Sat, 21 Nov 2026 10:00:20 GMT", NOW], 20_000),
        (&["retry-after: Saturday, 21-Nov-26 10:00:20 GMT", NOW], 20_000),
        (&["retry-after: Sat Nov 21 10:00:20 2026", NOW], 20_000),
        (&["retry-after: Sat, 21 Nov 2026 09:00:00 GMT", NOW], 3000),
        (&["retry-after: Sat, 21 Nov 2099 10:00:20 GMT", NOW], 86_400_000),
        (&["retry-after: -20"], 3000),
        (&["retry-after: +20"], 3000),
        (&["retry-after: 20.5"], 3000),
        (&["retry-after: soon"], 3000),
        (&["retry-after:"], 3000),
        (&[], 3000),
    ] {
        for status in ["503 Later", "429 Slower"] {
            let server = Scripted::in_memory([
                Connection::answer(status, headers, ""),
                Connection::no_content(),
            ]);
            let backoff = Backoff { jitter: 0, ..Backoff::EXPONENTIAL };
            let policy = ReconnectPolicy::persistent().backoff(backoff);
            let mut source = builder(&server).policy(policy).connect().unwrap();
            let told = next(&mut source, &server).await;
            assert_eq!(told, format!("{} from a/: , back in {wait}", &status[..3]), "{headers:?}");
            assert_eq!(next(&mut source, &server).await, "closed: NoContent");
            assert_eq!(pauses(&server), [wait], "{headers:?}");
        }
    }
}

/// Where the server does not say what its clock shows, ours counts.
#[tokio::test(start_paused = true)]
async fn a_date_without_another_is_held_against_our_clock() {
    let later = SystemTime::now() + HOUR;
    let header = format!("retry-after: {}", httpdate::fmt_http_date(later));
    let server = Scripted::in_memory([Connection::answer("503 Later", &[&header], "")]);
    let backoff = Backoff { jitter: 0, ..Backoff::EXPONENTIAL };
    let policy = ReconnectPolicy::persistent().backoff(backoff);
    let mut source = builder(&server).policy(policy).connect().unwrap();
    let Some(Ok(Update::Disconnected { retry_in, .. })) = source.next().await else { panic!() };
    assert!((HOUR - Duration::from_secs(600)..=HOUR).contains(&retry_in), "{retry_in:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_persistent_source_comes_back_after() {
    for (status, comes_back) in [
        (400, false),
        (401, false),
        (403, false),
        (404, false),
        (408, true),
        (410, false),
        (425, true),
        (429, true),
        (500, true),
        (502, true),
        (503, true),
        (504, true),
        (599, true),
    ] {
        let answer = Connection::answer(&format!("{status} X"), &["retry-after: 9"], "");
        let server = Scripted::in_memory([answer]);
        let builder = builder(&server).policy(ReconnectPolicy::persistent());
        let told = next(&mut builder.connect().unwrap(), &server).await;
        assert_eq!(!told.starts_with("failed: "), comes_back, "{told}");
        assert_eq!(told.contains(", back in "), comes_back, "{told}");
    }
    // Not after what will be the same the next time.
    let server = Scripted::in_memory([Connection::answer("200 OK", &["content-type: a/b"], "")]);
    let builder = builder(&server).policy(ReconnectPolicy::persistent());
    assert_eq!(next(&mut builder.connect().unwrap(), &server).await, "failed: 200 from a/: ");
}

#[tokio::test(start_paused = true)]
async fn the_application_may_decide_otherwise() {
    let policy = ReconnectPolicy::standard().decide(|cause, usual| match cause {
        Disconnect::Refused(refused) if refused.status == 401 => {
            assert_eq!(usual, Decision::Stop);
            Decision::Reconnect
        }
        Disconnect::Cut(_) => {
            assert_eq!(usual, Decision::Reconnect);
            Decision::Stop
        }
        _ => usual,
    });
    let server = Scripted::in_memory([
        Connection::answer("401 Who", &["retry-after: 5"], "log in"),
        Connection::stream(""),
        Connection::cut(""),
    ]);
    let mut source = builder(&server).policy(policy.clone()).connect().unwrap();
    assert_eq!(
        take(&mut source, &server, 9).await,
        [
            "401 from a/: log in, back in 5000",
            "open a/",
            "ended, back in 3000",
            "open a/",
            "failed: cut",
            "closed: Failed",
        ]
    );
    let server = Scripted::in_memory([Connection::answer("403 No", &[], "")]);
    let mut source = builder(&server).policy(policy).connect().unwrap();
    assert_eq!(next(&mut source, &server).await, "failed: 403 from a/: ");
}

#[tokio::test(start_paused = true)]
async fn the_application_may_ask_for_another_connection() {
    let events = "id: 1\ndata: 1\n\nid: 2\ndata: 2\n\nid: 3\ndata: 3\n\nid: 4\nda";
    let server = Scripted::in_memory([
        Connection::open(events),
        Connection::of([Step::Hold]),
        Connection::open("data: 5\n\n"),
    ]);
    // It is no failure that would count.
    let policy = ReconnectPolicy::standard().attempts(1);
    let mut source = builder(&server).policy(policy).connect().unwrap();
    assert_eq!(take(&mut source, &server, 3).await, ["open a/", "message:1#1", "message:2#2"]);
    assert_eq!(source.last_event_id(), "2");
    source.reconnect();
    server.wait_until_left(1).await;
    assert_eq!(server.elapsed(), Duration::ZERO);
    // What was not handed out is asked for again.
    assert_eq!(next(&mut source, &server).await, "asked, back in 3000");
    // While it waits there is no connection, and it comes back no sooner.
    source.reconnect();
    assert!(timeout(Duration::from_secs(4), source.next()).await.is_err());
    assert_eq!(server.lines()[1..], ["GET a/ last-event-id=2"]);
    // While an answer is awaited, there is.
    source.reconnect();
    server.wait_until_left(2).await;
    assert_eq!(
        take(&mut source, &server, 3).await,
        ["asked, back in 3000", "open a/", "message:5#2"]
    );
    assert_eq!(server.lines()[1..], ["GET a/ last-event-id=2"; 2]);
    source.close();
    source.reconnect();
    assert_eq!(next(&mut source, &server).await, "closed: Closed");
}

/// All of a chunk is handed out before its end is told, and a `retry` behind it counts.
#[tokio::test(start_paused = true)]
async fn the_end_is_told_behind_what_came_before_it() {
    let server = Scripted::in_memory([Connection::of([
        open("data: 1\n\ndata: 2\n\n"),
        more("data: 3\n\nretry: 70\n"),
        Step::Reset,
    ])]);
    let mut source = source(&server);
    assert_eq!(
        take(&mut source, &server, 5).await,
        ["open a/", "message:1", "message:2", "message:3", "cut, back in 250"]
    );
    assert_eq!(source.reconnection_time(), Duration::from_millis(70));
}
