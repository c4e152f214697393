//! The page of `sansse serve` in a real browser, through whatever happens to it.

use std::path::Path;

use tests::browser::{Browser, Device};
use tests::page::{FITS, LISTED, STATE};
use tests::proxy::Proxy;
use tests::requirement::BROWSER;
use tests::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_lives_through_cuts_and_restarts() {
    if !BROWSER.is_met("the_page_lives_through_cuts_and_restarts") {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut server = Server::start();
    let proxy = Proxy::start(server.address()).await;
    let browser = Browser::start(folder, Device::Desktop).await;

    // Cut off before its first event, it misses none of what is published meanwhile.
    browser.open(&proxy.url("/?topic=demo")).await;
    browser.wait_for(STATE, "open").await;
    proxy.cut();
    browser.wait_for(STATE, "connecting").await;
    for data in ["one", "two", "three"] {
        server.publish("demo", data).await;
    }
    proxy.restore();
    browser.wait_for(LISTED, vec!["one", "two", "three"]).await;
    browser.wait_for(STATE, "open").await;

    // What it publishes it sees, and so does everyone else's event arrive.
    browser.write("#publish-data", "from the <b>page</b>\nsecond line").await;
    browser.write("#publish-type", "note").await;
    browser.click("#publish-send").await;
    let four = vec!["one", "two", "three", "from the <b>page</b>\nsecond line"];
    browser.wait_for(LISTED, four.clone()).await;
    let id = browser.run("return document.querySelector('#events .event').dataset.id").await;
    let status = browser.run("return document.querySelector('#publish-status').textContent").await;
    assert!(status.as_str().unwrap().contains(id.as_str().unwrap()), "{status}");
    browser.wait_for("document.querySelector('#events .event').dataset.type", "note").await;

    // Cut off again, after events, it goes on where it was: nothing lost, nothing double.
    proxy.cut();
    browser.wait_for(STATE, "connecting").await;
    server.publish("demo", "five").await;
    proxy.restore();
    let five = [four, vec!["five"]].concat();
    browser.wait_for(LISTED, five.clone()).await;

    // The server is lost, comes back by itself, and tells of the reset.
    let address = server.address().to_owned();
    server.kill();
    browser.wait_for(STATE, "connecting").await;
    let server = Server::start_on(&address);
    let reset = [five, vec!["reset"]].concat();
    browser.wait_for(LISTED, reset.clone()).await;
    browser.wait_for(STATE, "open").await;
    server.publish("demo", "a new life").await;
    browser.wait_for(LISTED, [reset, vec!["a new life"]].concat()).await;
    browser.screenshot(&folder.join("page.png")).await;

    // Close is for good, Connect goes on.
    browser.click("#close").await;
    browser.wait_for(STATE, "closed").await;
    server.publish("demo", "while closed").await;
    browser.click("#connect").await;
    browser.wait_for(&format!("{LISTED}.at(-1)"), "while closed").await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_something_at_once() {
    if !BROWSER.is_met("the_page_shows_something_at_once") {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let server = Server::start();
    let browser = Browser::start(folder, Device::DarkPhone).await;
    browser.open(&server.url("/")).await;
    browser
        .wait_for("document.querySelectorAll('#events [data-type=tick]').length >= 3", true)
        .await;
    browser.wait_for("matchMedia('(prefers-color-scheme: dark)').matches", true).await;
    browser.wait_for(FITS, true).await;
    browser.screenshot(&folder.join("phone.png")).await;
    browser.quit().await;
}
