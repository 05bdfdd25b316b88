//! The report in a real browser, headless and without a network: what a person sees on a phone and on a wide screen, by day
//! and by night. It needs Chromium, which `cargo verify` brings.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod chromium;
mod look;
mod runs;

use std::path::PathBuf;

use chromium::Chromium;
use look::{Screen, Theme};

/// Where the pictures go, which stay after the test.
fn pictures() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("report");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[tokio::test]
async fn the_report_reads_well_on_every_screen_by_day_and_by_night() {
    let browser = Chromium::start().await;
    let mut pages = vec![("failed", runs::failed())];
    pages.extend([("passed", runs::passed()), ("running", runs::running()), ("everything", runs::everything())]);
    let folder = pictures();
    for (name, view) in pages {
        let page = browser.page(&conductor_web::report(&view).unwrap());
        for screen in [Screen::PHONE, Screen::WIDE] {
            for theme in [Theme::Light, Theme::Dark] {
                let found = browser.look(&page, screen, theme).await;
                let picture = folder.join(format!("{name}-{}-{theme}.png", screen.width));
                std::fs::write(&picture, &found.picture).unwrap();
                assert_eq!(
                    found.problems,
                    [""; 0],
                    "{name} at {} pixels, {theme}: {}",
                    screen.width,
                    picture.display()
                );
            }
        }
    }
    println!("pictures of the reports are in {}", folder.display());
}

#[tokio::test]
async fn the_report_goes_on_paper() {
    let browser = Chromium::start().await;
    let page = browser.page(&conductor_web::report(&runs::everything()).unwrap());
    let paper = browser.print(&page).await;
    assert!(paper.starts_with(b"%PDF-"), "{} bytes", paper.len());
    std::fs::write(pictures().join("everything.pdf"), &paper).unwrap();
}

/// What the looks above rest on: each mistake is found.
#[tokio::test]
async fn mistakes_of_a_page_are_found() {
    let browser = Chromium::start().await;
    for (mistake, told) in [
        ("<h1>t</h1><script>console.error('oh')</script>", "console: "),
        ("<h1>t</h1><script>nothing()</script>", "console: "),
        ("<h1>t</h1><img alt='' src='http://example.com/x.png'>", "asks for http://example.com/x.png"),
        ("<h1>t</h1><div style='width:2000px'>w</div>", "is wider than the screen"),
        ("<h1 style='color:#aaa'>t</h1>", "has a contrast of 2.3"),
        ("<h1>t</h1><p style='font-size:8px'>t</p>", "is written in 8px"),
        ("<h1>t</h1><h3>t</h3>", "h3 follows h1"),
        ("<h2>t</h2>", "h2 follows h0"),
        ("<h1>t</h1><table><tr><td>1</td></tr></table>", "a table has no caption"),
        ("<h1>t</h1><svg role='img'></svg>", "a drawing has no title"),
    ] {
        let page = format!(
            "<!doctype html><html lang=en><meta charset=utf-8><title>t</title><link rel=icon href='data:,'>{mistake}"
        );
        let found = browser.look(&browser.page(&page), Screen::WIDE, Theme::Light).await.problems;
        assert!(found.iter().any(|problem| problem.contains(told)), "{mistake}: {found:?}");
    }
}
