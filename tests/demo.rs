//! The demos of `sansse serve` in a real browser.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tests::browser::{Browser, Device};
use tests::events::{Events, find, open};
use tests::page::{FITS, STATE};
use tests::proxy::Proxy;
use tests::requirement::BROWSER;
use tests::server::Server;
use tokio::time::timeout;

/// Longer than any demo takes for its next event.
const PATIENCE: Duration = Duration::from_secs(20);
const DEMOS: [&str; 5] = ["users", "messages", "numbers", "chat", "pings"];

/// What an element shows, as an expression of JavaScript.
fn text(id: &str) -> String {
    format!("document.getElementById('{id}').textContent")
}

/// How many of an element's figures have been reached.
fn at_least(id: &str, number: u32) -> String {
    format!("Number({}) >= {number}", text(id))
}

/// Whether the text of an element holds another.
fn shows(id: &str, part: &str) -> String {
    format!("{}.includes('{part}')", text(id))
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn picture(name: &str) -> PathBuf {
    folder().join(format!("demo-{name}.png"))
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_here_as_long_as_one_tab_is() {
    if !BROWSER.is_met("users_are_here_as_long_as_one_tab_is") {
        return;
    }
    let names = "[...document.querySelectorAll('#users b')].map(name => name.textContent)";
    let rows = "[...document.querySelectorAll('#users li')].map(row => row.textContent)";
    let server = Server::start();
    let browser = Browser::start(folder(), Device::Desktop).await;
    browser.open(&server.url("/demo/")).await;
    browser.screenshot(&picture("index")).await;
    let url = server.url("/demo/users");
    browser.open(&url).await;
    browser.run("window.alert = (sentence) => { window.alerted = sentence; }").await;
    browser.click("#connect").await;
    browser.wait_for("window.alerted", "Enter a user id first.").await;
    browser.wait_for(STATE, "closed").await;
    connect(&browser, "ada <b>").await;
    browser.wait_for(names, vec!["ada <b>"]).await;

    // Two tabs of one user, and one of another; the list tells how many.
    let ada = browser.open_tab(&url).await;
    connect(&browser, "ada <b>").await;
    let second = browser.open_tab(&url).await;
    connect(&browser, "grace").await;
    browser.wait_for(names, vec!["ada <b>", "grace"]).await;
    let grace = browser.go_to(ada).await;
    browser.wait_for(rows, vec!["ada <b>2 connections", "grace1 connection"]).await;
    browser.wait_for(&shows("log", "gracecame"), true).await;
    browser.screenshot(&picture("users")).await;

    // Without the second tab the user is still here, on one connection.
    let ada = browser.go_to(second).await;
    browser.close_tab(ada).await;
    browser.wait_for(rows, vec!["ada <b>1 connection", "grace1 connection"]).await;
    assert_eq!(browser.run(&format!("return {}", shows("log", "left"))).await, false);

    // Without the last one the user is gone, and so is who presses Close.
    let mut bystander = open(&server.url("/demo/users/events?user=bystander")).await;
    let all = find(&mut bystander, "presence:").await;
    assert!(all.contains("grace") && all.contains("ada"), "{all}");
    let ada = browser.go_to(grace).await;
    browser.click("#close").await;
    browser.wait_for(names, Vec::<String>::new()).await;
    let gone = r#"presence-change:{"joined":[],"left":["grace"]}"#;
    find(&mut bystander, gone).await;
    browser.close_tab(ada).await;
    browser.wait_for(&shows("log", "graceleft"), true).await;
    browser.open("about:blank").await;
    find(&mut bystander, r#"presence-change:{"joined":[],"left":["ada <b>"]}"#).await;
    find(&mut bystander, r#"message:[{"connections":1,"user":"bystander"}]"#).await;
    browser.quit().await;
}

async fn connect(browser: &Browser, user: &str) {
    browser.write("#user", user).await;
    browser.click("#connect").await;
    browser.wait_for(STATE, "open").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_show_all_that_an_event_source_tells() {
    if !BROWSER.is_met("messages_show_all_that_an_event_source_tells") {
        return;
    }
    let server = Server::start();
    let page_origin = server.url("");
    let browser = Browser::start(folder(), Device::Desktop).await;
    browser.open(&server.url("/demo/messages")).await;
    browser.wait_for(&text("ready-state"), "1 OPEN").await;
    browser.wait_for(&text("url"), server.url("/demo/messages/events")).await;
    browser.wait_for(&text("with-credentials"), "false").await;
    browser.wait_for(&text("opens"), "1").await;
    browser.wait_for(&at_least("messages", 1), true).await;
    let first_id = browser.run(&format!("return {}", text("last-event-id"))).await;
    browser.wait_for(&at_least("messages", 2), true).await;
    browser.wait_for(&text("type"), "message").await;
    browser.wait_for(&text("origin"), page_origin.clone()).await;
    browser.wait_for(&format!("{}.length > 5", text("data")), true).await;
    let second_id = browser.run(&format!("return {}", text("last-event-id"))).await;
    assert_ne!(first_id, second_id);
    assert_ne!(second_id, "");
    browser.wait_for(&text("errors"), "0").await;
    browser.screenshot(&picture("messages")).await;
    browser.click("#close").await;
    browser.wait_for(&text("ready-state"), "2 CLOSED").await;

    // Another server, which is another origin.
    let trusting = Server::start_with(&["--cors-origin", &page_origin, "--cors-credentials"]);
    let open_to_it = Server::start_with(&["--cors-origin", &page_origin]);
    let strange = Server::start();
    for (other, credentials, is_allowed) in [
        (&trusting, true, true),
        (&trusting, false, true),
        (&open_to_it, false, true),
        (&open_to_it, true, false),
        (&strange, false, false),
    ] {
        let checked = browser.run("return document.querySelector('#credentials').checked").await;
        if checked != credentials {
            browser.click("#credentials").await;
        }
        browser.write("#address", &other.url("/demo/messages/events")).await;
        browser.click("#connect").await;
        browser.wait_for(&text("with-credentials"), credentials.to_string()).await;
        if is_allowed {
            browser.wait_for(&text("ready-state"), "1 OPEN").await;
            browser.wait_for(&at_least("messages", 1), true).await;
            browser.wait_for(&text("origin"), other.url("")).await;
        } else {
            // For good: it is not the network that failed.
            browser.wait_for(&text("ready-state"), "2 CLOSED").await;
            browser.wait_for(&text("errors"), "1").await;
            browser.wait_for(&text("opens"), "0").await;
        }
    }
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_numbers_none_is_missing() {
    if !BROWSER.is_met("of_the_numbers_none_is_missing") {
        return;
    }
    let mut server = Server::start();
    let proxy = Proxy::start(server.address()).await;
    let browser = Browser::start(folder(), Device::Desktop).await;
    browser.open(&proxy.url("/demo/numbers")).await;
    browser.wait_for(&at_least("received", 3), true).await;
    for opened in 2..=4 {
        browser.click("#cut").await;
        browser.wait_for(&at_least("opened", opened), true).await;
        let goes_on = format!(
            "document.querySelectorAll('#log b').length > 0 && \
             [...document.querySelectorAll('#log b')].filter(b => b.textContent === 'goes on').length >= {opened}"
        );
        browser.wait_for(&goes_on, true).await;
    }
    browser.wait_for(&text("problem"), "").await;

    // Cut by the network, for longer.
    proxy.cut();
    browser.wait_for(STATE, "connecting").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    proxy.restore();
    browser.wait_for(&at_least("opened", 5), true).await;
    browser.wait_for(STATE, "open").await;
    browser.wait_for(&at_least("number", 25), true).await;

    // Received are all up to the last, each once.
    browser
        .wait_for(
            &format!("{} - {}", text("number"), text("received")),
            first_number(&browser).await,
        )
        .await;
    for (id, count) in [("missing", "0"), ("doubled", "0"), ("resets", "0")] {
        browser.wait_for(&text(id), count).await;
    }
    browser.wait_for(&text("picture-check"), "768 bytes, all as they were sent").await;
    let lines = r"^A text\n\nwith empty lines,\n\n\nthe last of them behind \d+\.\n\n$";
    browser.wait_for(&format!("/{lines}/.test({})", text("text")), true).await;
    browser.screenshot(&picture("numbers")).await;

    // What nobody can make good is told.
    let address = server.address().to_owned();
    server.kill();
    browser.wait_for(STATE, "connecting").await;
    let _server = Server::start_on(&address);
    browser.wait_for(&text("resets"), "1").await;
    browser.wait_for(&at_least("number", 3), true).await;
    browser.wait_for(&shows("log", "numbers may be missing"), true).await;
    browser.wait_for(&text("missing"), "0").await;
    browser.screenshot(&picture("numbers-reset")).await;
    browser.quit().await;
}

/// One less than the first number that the page got.
async fn first_number(browser: &Browser) -> i64 {
    let row = "[...document.querySelectorAll('#log li span')].at(-2).textContent";
    let row = browser.run(&format!("return {row}")).await;
    let number = row.as_str().and_then(|row| row.strip_prefix("goes onwith "));
    number.unwrap_or_else(|| panic!("{row}")).parse::<i64>().unwrap() - 1
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_says_in_the_chat_the_others_see() {
    if !BROWSER.is_met("what_one_says_in_the_chat_the_others_see") {
        return;
    }
    let users = "[...document.querySelectorAll('#users li')].map(row => row.textContent)";
    let messages =
        "[...document.querySelectorAll('#messages li span')].map(row => row.textContent)";
    let mut server = Server::start();
    let browser = Browser::start(folder(), Device::Desktop).await;
    browser.open(&server.url("/demo/chat")).await;
    rename(&browser, "Ada").await;
    browser.wait_for(users, vec!["Ada (you)available"]).await;
    say(&browser, "hello <b>world</b>").await;

    // Who comes later sees what there is, and each sees the other.
    let ada = browser.open_tab(&server.url("/demo/chat")).await;
    rename(&browser, "Grace").await;
    browser.wait_for(users, vec!["Adaavailable", "Grace (you)available"]).await;
    browser.wait_for(messages, vec!["Adahello <b>world</b>"]).await;
    let connect = r#"connect{"status":"available","user":"Ada"}"#;
    browser.wait_for(&shows("log", connect), true).await;
    say(&browser, "hello Ada").await;
    browser.click("[data-status='at lunch']").await;
    let grace = browser.go_to(ada).await;
    browser.wait_for(messages, vec!["Gracehello Ada", "Adahello <b>world</b>"]).await;
    browser.wait_for(users, vec!["Ada (you)available", "Graceat lunch"]).await;
    for event in ["userOnline", "statusUpdate", "protocolVersion"] {
        browser.wait_for(&shows("log", event), true).await;
    }

    // The server ends the stream of one, who comes back; the other sees both.
    browser.click("#end").await;
    let ada = browser.go_to(grace).await;
    browser.wait_for(&shows("log", r#"unavailable{"user":"Ada"}"#), true).await;
    browser.wait_for(users, vec!["Adaavailable", "Grace (you)at lunch"]).await;
    browser.click("[data-status='available']").await;
    browser.wait_for(users, vec!["Adaavailable", "Grace (you)available"]).await;
    let grace = browser.go_to(ada).await;
    browser.wait_for(&at_least("opened", 2), true).await;
    browser.wait_for(users, vec!["Ada (you)available", "Graceavailable"]).await;
    browser.wait_for(messages, vec!["Gracehello Ada", "Adahello <b>world</b>"]).await;
    browser.screenshot(&picture("chat")).await;

    // Restarted, the server has a greater version, and the page loads itself anew.
    let version = browser.run(&format!("window.isOld = true; return {}", text("version"))).await;
    let version: i64 = version.as_str().unwrap().parse().unwrap();
    let address = server.address().to_owned();
    server.kill();
    browser.wait_for(STATE, "connecting").await;
    let _server = Server::start_on(&address);
    browser.wait_for("window.isOld ?? 'loaded anew'", "loaded anew").await;
    browser.wait_for(&format!("Number({}) > {version}", text("version")), true).await;
    browser.wait_for(users, vec!["Ada (you)available", "Graceavailable"]).await;
    browser.wait_for(messages, Vec::<String>::new()).await;

    // Closing a tab is leaving.
    let ada = browser.go_to(grace).await;
    browser.close_tab(ada).await;
    browser.wait_for(users, vec!["Ada (you)available"]).await;
    browser.quit().await;
}

async fn rename(browser: &Browser, name: &str) {
    browser.wait_for(STATE, "open").await;
    browser.write("#name", name).await;
    browser.click("#rename").await;
    let you = format!("document.querySelector('#users').textContent.includes('{name} (you)')");
    browser.wait_for(&you, true).await;
}

async fn say(browser: &Browser, words: &str) {
    browser.write("#text", words).await;
    browser.click("#send").await;
    browser.wait_for("document.querySelector('#text').value", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_stop_when_the_client_leaves() {
    if !BROWSER.is_met("pings_stop_when_the_client_leaves") {
        return;
    }
    let server = Server::start();
    let proxy = Proxy::start(server.address()).await;
    let browser = Browser::start(folder(), Device::Desktop).await;
    browser.open(&proxy.url("/demo/pings")).await;
    browser.wait_for(&at_least("pings", 3), true).await;
    browser.wait_for(&text("streams"), "1").await;
    let iso = r"/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/";
    browser.wait_for(&format!("{iso}.test(document.querySelector('#time').title)"), true).await;

    // The server's event of the type `error` is not an error of the connection.
    browser.wait_for(&at_least("server-errors", 1), true).await;
    browser.wait_for(&at_least("messages", 3), true).await;
    browser.wait_for(&text("connection-errors"), "0").await;
    browser.wait_for(STATE, "open").await;
    proxy.cut();
    browser.wait_for(&at_least("connection-errors", 1), true).await;
    proxy.restore();
    browser.wait_for(STATE, "open").await;
    browser.screenshot(&picture("pings")).await;

    // Each tab has a stream, which ends with it.
    let mut bystander = open(&server.url("/demo/pings/events")).await;
    wait_for_streams(&mut bystander, 2).await;
    let first = browser.open_tab(&proxy.url("/demo/pings")).await;
    browser.wait_for(&text("streams"), "3").await;
    browser.close_tab(first).await;
    wait_for_streams(&mut bystander, 2).await;
    browser.click("#close").await;
    browser.wait_for(STATE, "closed").await;
    wait_for_streams(&mut bystander, 1).await;
    browser.quit().await;
}

/// Waits until the pings tell of so many streams.
async fn wait_for_streams(events: &mut Events, count: usize) {
    let expected = format!(r#"{{"streams":{count},"#);
    let search = async { while !find(events, "ping:").await.contains(&expected) {} };
    timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("never {count} streams"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_fit_on_a_phone() {
    if !BROWSER.is_met("the_demos_fit_on_a_phone") {
        return;
    }
    let server = Server::start();
    let browser = Browser::start(folder(), Device::DarkPhone).await;
    browser.open(&server.url("/")).await;
    browser.run("document.querySelector('a[href=\"/demo/\"]').click()").await;
    browser.wait_for("document.querySelectorAll('nav a').length", DEMOS.len()).await;
    browser.wait_for(FITS, true).await;
    browser.screenshot(&picture("index-phone")).await;
    for demo in DEMOS {
        browser.open(&server.url("/demo/")).await;
        browser.click(&format!("nav a[href='/demo/{demo}']")).await;
        if demo == "users" {
            connect(&browser, "ada").await;
            browser.wait_for("document.querySelectorAll('#users li').length", 1).await;
        } else {
            browser.wait_for("document.querySelector('#state')?.dataset.state", "open").await;
            browser.wait_for("document.querySelectorAll('.log li').length > 0", true).await;
        }
        browser.wait_for(FITS, true).await;
        browser.screenshot(&picture(&format!("{demo}-phone"))).await;
    }
    browser.quit().await;
}
