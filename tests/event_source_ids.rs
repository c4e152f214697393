//! What an `EventSource` makes of ids, over streams: in memory, and on sockets by the ready transport.

use tests::script::{Connection, Step};
use tests::source_case::{Case, run_in_memory, run_on_sockets};

#[tokio::test(start_paused = true)]
async fn in_memory() {
    run_in_memory([ids(), long_ids()].concat()).await;
}

#[tokio::test]
async fn on_sockets() {
    run_on_sockets([ids(), long_ids()].concat()).await;
}

fn ids() -> Vec<Case> {
    const END: &str = "ended, back in 5";
    /// What comes of a stream that ends cleanly: what it tells, and what is asked for then.
    fn after(name: &str, stream: &str, tells: &[&str], id: &str) -> Case {
        let second =
            if id.is_empty() { "GET a/".into() } else { format!("GET a/ last-event-id={id}") };
        let tells = [&["open a/"], tells, &[END, "closed: NoContent"]].concat();
        Case::new(name, [Connection::stream(stream), Connection::no_content()])
            .requests(["GET a/".to_owned(), second])
            .tells(tells)
    }
    vec![
        after("UTF-8", "id: Zürich…🦀\ndata\n\n", &["message:#Zürich…🦀"], "Zürich…🦀"),
        after("an id-only block", "id: 7\n\n", &[], "7"),
        after(
            "an id-only block after an event",
            "id: 1\ndata: 1\n\nid: 7\n\n",
            &["message:1#1"],
            "7",
        ),
        after("cleared by `id:`", "id: 1\ndata: 1\n\nid:\n\n", &["message:1#1"], ""),
        after(
            "cleared by `id`",
            "id: 1\ndata: 1\n\nid\ndata: 2\n\n",
            &["message:1#1", "message:2"],
            "",
        ),
        after("sticky", "id: 1\ndata: 1\n\ndata: 2\n\n", &["message:1#1", "message:2#1"], "1"),
        after("NUL is no id", "id: 1\n\nid: a\0b\ndata: 2\n\n", &["message:2#1"], "1"),
        after("spaces stay with the event", "id:  7 \ndata\n\n", &["message:# 7 "], "7"),
        after("a comma", "id: a, b\ndata\n\n", &["message:#a, b"], "a, b"),
        after("a tab inside", "id: a\tb\ndata\n\n", &["message:#a\tb"], "a\tb"),
        Case::new(
            "the id of a torn block does not count",
            [Connection::stream("id: 1\n\nid: 2\ndata: 2\n"), Connection::no_content()],
        )
        .requests(["GET a/", "GET a/ last-event-id=1"])
        .tells(["open a/", "ended in mid-event, back in 5", "closed: NoContent"]),
        Case::new(
            "sticky over streams without ids, and over what is no stream",
            [
                Connection::stream("id: 1\ndata: 1\n\n"),
                Connection::stream("data: 2\n\n"),
                Connection::stream(""),
                Connection::of([Step::Reset]),
                Connection::stream("id\n\ndata: 3\n\n"),
                Connection::no_content(),
            ],
        )
        .requests([
            "GET a/",
            "GET a/ last-event-id=1",
            "GET a/ last-event-id=1",
            "GET a/ last-event-id=1",
            "GET a/ last-event-id=1",
            "GET a/",
        ])
        .tells([
            "open a/",
            "message:1#1",
            END,
            "open a/",
            "message:2#1",
            END,
            "open a/",
            END,
            "unreachable, back in 5",
            "open a/",
            "message:3",
            END,
            "closed: NoContent",
        ]),
        Case::new("known from an earlier run", [Connection::open("data: 1\n\n")])
            .with(|builder| builder.last_event_id("Zürich"))
            .requests(["GET a/ last-event-id=Zürich"])
            .tells(["open a/", "message:1#Zürich"]),
        Case::new(
            "what no header can hold is left out, and told",
            [
                Connection::stream("id: a\u{1}b\ndata: 1\n\n"),
                Connection::stream("data: 2\n\n"),
                Connection::stream("id: 3\ndata: 3\n\n"),
                Connection::stream("id: \u{7F}\n\n"),
                Connection::stream("id:  \n\n"),
                Connection::open(""),
            ],
        )
        .requests(["GET a/", "GET a/", "GET a/", "GET a/ last-event-id=3", "GET a/", "GET a/"])
        .tells([
            "open a/",
            "message:1#a\u{1}b",
            END,
            "open a/, may have a gap",
            "message:2#a\u{1}b",
            END,
            "open a/, may have a gap",
            "message:3#3",
            END,
            "open a/",
            END,
            "open a/, may have a gap",
            END,
            "open a/, may have a gap",
        ]),
    ]
}

fn long_ids() -> Vec<Case> {
    let long = "i".repeat(16 << 10);
    let longest = "i".repeat(64 << 10);
    let too_long = format!("{longest}i");
    vec![
        Case::new(
            "16 KiB",
            [Connection::stream(format!("id: {long}\ndata\n\n")), Connection::no_content()],
        )
        .requests(["GET a/".into(), format!("GET a/ last-event-id={long}")])
        .tells([
            "open a/".into(),
            format!("message:#{long}"),
            "ended, back in 5".into(),
            "closed: NoContent".into(),
        ]),
        Case::new(
            "64 KiB",
            [Connection::stream(format!("id: {longest}\n\n")), Connection::no_content()],
        )
        .requests(["GET a/".into(), format!("GET a/ last-event-id={longest}")])
        .tells(["open a/", "ended, back in 5", "closed: NoContent"]),
        Case::new(
            "a byte more is told and dropped",
            [
                Connection::stream(format!("id: 1\n\nid: {too_long}\ndata: 2\n\n")),
                Connection::no_content(),
            ],
        )
        .requests(["GET a/", "GET a/ last-event-id=1"])
        .tells([
            "open a/",
            "id too long",
            "message:2#1",
            "ended, back in 5",
            "closed: NoContent",
        ]),
    ]
}
