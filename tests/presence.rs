//! Who is there: joins and leaves, told as a whole first and then as changes, never replayed.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use proptest::prelude::*;
use sansse_tokio::{
    Admitted, Endpoint, Event, Hub, HubBuilder, Item, Parser, Presence, Start, Subscription,
    UserError,
};
use serde_json::Value;
use tests::strategy;
use tests::wire::{drain, events};
use tokio::time::sleep;

fn builder() -> HubBuilder {
    Hub::builder().epoch(35).retry(None).keep_alive(None)
}

fn subscribe(hub: &Hub, topics: &[&str]) -> Subscription {
    hub.subscribe(topics, Start::Live).unwrap()
}

fn join(hub: &Hub, presence: &Presence, user: &str) -> Subscription {
    presence.join(user, subscribe(hub, &["presence"])).unwrap().0
}

/// What a page shows: it takes all, and then changes.
#[derive(Debug, Default, PartialEq)]
struct View {
    users: Option<BTreeSet<String>>,
    events: usize,
}

impl View {
    fn take(&mut self, wire: &str) {
        let mut parser = Parser::growing(1 << 20, 64);
        let mut items = parser.feed(wire.as_bytes());
        while let Some(item) = items.next() {
            let Item::Event(event) = item else { continue };
            if !event.event_type().to_string().starts_with("presence") {
                continue;
            }
            let data: Value = serde_json::from_str(&event.data().to_string()).unwrap();
            let names = |key: &str| -> Vec<String> {
                data[key]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|name| name.as_str().unwrap().into())
                    .collect()
            };
            match &*event.event_type().to_string() {
                "presence" => self.users = Some(names("users").into_iter().collect()),
                "presence-change" => {
                    let users = self.users.as_mut().expect("all before changes");
                    for name in names("joined") {
                        assert!(users.insert(name), "nobody comes twice");
                    }
                    for name in names("left") {
                        assert!(users.remove(&name), "nobody goes who was not there");
                    }
                }
                other => panic!("{other}"),
            }
            self.events += 1;
        }
    }

    fn is(&self, users: &[&str]) -> bool {
        self.users
            .as_ref()
            .is_some_and(|known| known.iter().map(String::as_str).eq(users.iter().copied()))
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_first_connection_joins_and_only_the_last_leaves() {
    let hub = builder().build();
    let presence = Presence::spawn(&hub, "presence").unwrap();
    let mut page = subscribe(&hub, &["presence"]);
    assert_eq!(drain(&mut page), "id: z-0\n\nevent: presence\ndata: {\"users\":[]}\n\n");
    let mut expect = async |expected: &[&str]| {
        sleep(Duration::from_millis(300)).await;
        assert_eq!(events(&drain(&mut page)), expected);
    };
    let ada = join(&hub, &presence, "ada");
    expect(&[r#"presence-change:{"joined":["ada"],"left":[]}@"#]).await;
    let tab = join(&hub, &presence, "ada");
    let grace = join(&hub, &presence, "grace");
    expect(&[r#"presence-change:{"joined":["grace"],"left":[]}@"#]).await;
    assert_eq!(presence.users(), ["ada", "grace"]);
    assert_eq!((presence.count(), presence.connections("ada").len()), (2, 2));
    drop(ada);
    expect(&[]).await;
    drop((tab, grace));
    expect(&[r#"presence-change:{"joined":[],"left":["ada","grace"]}@"#]).await;
    assert_eq!((presence.count(), presence.connections("ada").len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn who_comes_is_told_all_and_nothing_is_replayed() {
    let hub = builder().build();
    let presence = Presence::spawn(&hub, "presence").unwrap();
    let _ada = join(&hub, &presence, "ada");
    sleep(Duration::from_secs(1)).await;
    let _grace = join(&hub, &presence, "grace");
    sleep(Duration::from_secs(1)).await;
    hub.publish("news", &Event::new("one")).unwrap();
    let all = "presence:{\"users\":[\"ada\",\"grace\"]}@";
    // Behind its id there are changes, but they are part of what it is told now.
    for id in ["z-0", "z-1", "z-2"] {
        let start = Start::After(id.as_bytes());
        let mut page = hub.subscribe(["news", "presence"], start).unwrap();
        let told = events(&drain(&mut page));
        assert_eq!(told, [format!("{all}{id}"), "message:one@z-3".to_owned()], "{id}");
    }
    let mut page = subscribe(&hub, &["news", "presence"]);
    assert_eq!(events(&drain(&mut page)), [format!("{all}z-3")]);
    // A page that was reset is told all again.
    let mut page = hub.subscribe(["news", "presence"], Start::After(b"y-1")).unwrap();
    let told = events(&drain(&mut page));
    assert!(told[0].starts_with("reset:") && told[1].starts_with(all) && told.len() == 2);
}

#[tokio::test(start_paused = true)]
async fn what_changes_fast_is_told_four_times_a_second() {
    let hub = builder().build();
    let presence = Presence::spawn(&hub, "presence").unwrap();
    let mut page = subscribe(&hub, &["presence"]);
    let mut view = View::default();
    view.take(&drain(&mut page));
    let mut people = Vec::new();
    for number in 0..400 {
        people.push(join(&hub, &presence, &format!("user {number:03}")));
        sleep(Duration::from_millis(5)).await;
        view.take(&drain(&mut page));
    }
    sleep(Duration::from_millis(300)).await;
    view.take(&drain(&mut page));
    assert_eq!(view.users.as_ref().unwrap().len(), 400);
    assert!(view.events <= 2 + 4 * 2, "{} events in two seconds", view.events);
    // Who comes and goes between two events was never there.
    let before = view.events;
    for _ in 0..100 {
        drop(join(&hub, &presence, "nobody"));
    }
    sleep(Duration::from_secs(1)).await;
    view.take(&drain(&mut page));
    assert_eq!(view.events, before);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_leaves_are_a_few_events() {
    let hub = builder().build();
    let presence = Presence::spawn(&hub, "presence").unwrap();
    let people: Vec<_> =
        (0..10_000).map(|number| join(&hub, &presence, &format!("user {number}"))).collect();
    sleep(Duration::from_secs(1)).await;
    let mut page = subscribe(&hub, &["presence"]);
    let mut view = View::default();
    view.take(&drain(&mut page));
    assert_eq!(view.users.as_ref().unwrap().len(), 10_000);
    let told = view.events;
    drop(people);
    sleep(Duration::from_secs(1)).await;
    view.take(&drain(&mut page));
    assert!(view.is(&[]));
    assert!(view.events - told < 20, "{}", view.events - told);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_falls_behind_is_told_all_again() {
    let hub = builder().topic_history(3, 1 << 20).build();
    let presence = Presence::spawn(&hub, "presence").unwrap();
    let mut page = subscribe(&hub, &["news", "presence"]);
    let mut view = View::default();
    view.take(&drain(&mut page));
    let mut people = Vec::new();
    for number in 0..6 {
        people.push(join(&hub, &presence, &format!("user {number}")));
        sleep(Duration::from_secs(1)).await;
    }
    hub.publish("news", &Event::new("one")).unwrap();
    let wire = drain(&mut page);
    view.take(&wire);
    assert_eq!(view.users.as_ref().unwrap().len(), 6);
    // The news have no gap, and there is no reset.
    assert!(wire.contains("data: one\n") && !wire.contains("reset"), "{wire}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_while_the_hub_shuts_down() {
    let hub = builder().build();
    let presence = Presence::spawn(&hub, "presence").unwrap();
    let mut people: Vec<_> = (0..10).map(|n| join(&hub, &presence, &n.to_string())).collect();
    let mut page = subscribe(&hub, &["presence"]);
    sleep(Duration::from_secs(1)).await;
    drain(&mut page);
    let reading = async {
        for mut person in people.drain(..) {
            while person.next().await.is_some() {}
            sleep(Duration::from_millis(400)).await;
        }
        let mut wire = String::new();
        while let Some(bytes) = page.next().await {
            wire += std::str::from_utf8(&bytes).unwrap();
        }
        drop(page);
        assert!(wire.starts_with("retry: "), "{wire}");
        assert_eq!(events(&wire), [""; 0]);
    };
    let (shutdown, ()) = tokio::join!(hub.shutdown(Duration::from_secs(20)), reading);
    assert_eq!((shutdown.closed, shutdown.left), (11, 0));
}

#[tokio::test(start_paused = true)]
async fn the_server_ends_a_user_or_a_connection() {
    let hub = builder().build();
    let presence = Presence::spawn(&hub, "presence").unwrap();
    let (mut one, first) = presence.join("ada", subscribe(&hub, &["a"])).unwrap();
    let (mut two, second) = presence.join("ada", subscribe(&hub, &["a"])).unwrap();
    let (mut other, third) = presence.join("grace", subscribe(&hub, &["a"])).unwrap();
    assert_eq!(presence.connections("ada"), [first, second]);
    drain(&mut two);
    assert!(presence.end_connection(first));
    drain(&mut one);
    assert_eq!(one.next().await, None);
    assert_eq!(presence.end_user("ada"), 2);
    // One that waits is woken.
    assert_eq!(two.next().await, None);
    drop((one, two));
    assert_eq!(presence.end_user("ada"), 0);
    assert!(!presence.end_connection(first));
    drain(&mut other);
    hub.publish("a", &Event::new("x")).unwrap();
    assert_eq!(events(&drain(&mut other)), ["message:x@z-1"]);
    assert!(presence.end_connection(third));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_counts_its_users() {
    let hub = builder().build();
    let presence = Presence::spawn(&hub, "presence").unwrap();
    let endpoint =
        Endpoint::new(hub.clone()).presence(presence.clone()).admission(|request| {
            let user = request.head.uri.query().unwrap_or_default().to_owned();
            async move {
                Ok(if user == "nobody" { Admitted::new() } else { Admitted::new().user(user) })
            }
        });
    let open = async |query: &str| {
        let request = http::Request::get(format!("/?{query}")).body(()).unwrap();
        let (head, ()) = request.into_parts();
        endpoint.request(&head, ["presence"]).answer().await
    };
    let ada = open("ada").await;
    let _nobody = open("nobody").await;
    assert_eq!(presence.users(), ["ada"]);
    assert_eq!(open("").await.status(), 400);
    let mut body = ada.into_body();
    assert!(body.frame().await.is_some());
    drop(body);
    assert_eq!(presence.count(), 0);
}

#[tokio::test]
async fn names_that_cannot_be() {
    let hub = builder().build();
    assert!(Presence::spawn(&hub, "").is_err());
    let presence = Presence::spawn(&hub, "presence").unwrap();
    for (name, problem) in [
        ("", UserError::Empty),
        ("a\nb", UserError::ControlCharacter),
        (&"x".repeat(257), UserError::TooLong),
    ] {
        let joined = presence.join(name, subscribe(&hub, &["a"]));
        assert_eq!(joined.err(), Some(problem));
    }
    assert_eq!(hub.subscribers(), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Join(u8),
    Leave(usize),
    Publish,
    Wait(u64),
    Read,
    Reconnect,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_u8).prop_map(Step::Join),
        3 => any::<usize>().prop_map(Step::Leave),
        1 => Just(Step::Publish),
        3 => (0..400_u64).prop_map(Step::Wait),
        2 => Just(Step::Read),
        1 => Just(Step::Reconnect),
    ]
}

proptest! {
    #![proptest_config(strategy::cases(128))]

    /// Whoever comes and goes, a page comes to show who is there, and is never told twice the same;
    /// also in a hub whose ids the application gives.
    #[test]
    fn a_page_comes_to_show_who_is_there(
        steps in prop::collection::vec(step(), 0..80),
        history in 1..5_usize,
        given in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let builder = builder().topic_history(history, 1 << 20);
            let hub = if given { builder.given_ids("start").unwrap() } else { builder }.build();
            let presence = Presence::spawn(&hub, "presence").unwrap();
            let mut people = Vec::new();
            let mut page = subscribe(&hub, &["presence", "news"]);
            let (mut view, mut news, mut id) = (View::default(), 0, String::new());
            for step in steps {
                match step {
                    Step::Join(user) => people.push(join(&hub, &presence, &user.to_string())),
                    Step::Leave(index) if !people.is_empty() => {
                        let index = index % people.len();
                        people.swap_remove(index);
                    }
                    Step::Leave(_) => {}
                    Step::Publish => {
                        news += 1;
                        let name = format!("news-{news}");
                        let event = Event::new("news");
                        let event = if given { event.with_id(&name).unwrap() } else { event };
                        hub.publish("news", &event).unwrap();
                    }
                    Step::Wait(time) => sleep(Duration::from_millis(time)).await,
                    Step::Read => {
                        let wire = drain(&mut page);
                        view.take(&wire);
                        let told = tests::wire::read(&wire).1;
                        if !told.is_empty() {
                            id = told;
                        }
                    }
                    Step::Reconnect => {
                        let start = Start::After(id.as_bytes());
                        page = hub.subscribe(["presence", "news"], start).unwrap();
                        view = View::default();
                    }
                }
            }
            sleep(Duration::from_secs(1)).await;
            view.take(&drain(&mut page));
            let users = presence.users();
            let users: Vec<&str> = users.iter().map(String::as_str).collect();
            assert!(view.is(&users), "{view:?} instead of {users:?}");
        });
    }
}
