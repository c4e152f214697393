//! What a request asks for: its path and its query.

use std::borrow::Cow;

use http::Uri;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use sansse_tokio::Start;

/// The resource that a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Page,
    Health,
    Metrics,
    /// All of the path behind `/topics/`, percent-decoded.
    Topic(String),
    /// The topics of the query.
    Events(Vec<String>),
    /// All of the path behind `/demo`, without its slash.
    Demo(String),
    Unknown,
}

impl Target {
    /// Reads the address of a request, or says what is wrong with it.
    pub(super) fn of(uri: &Uri) -> Result<Self, String> {
        Ok(match uri.path() {
            "/" => Self::Page,
            "/healthz" => Self::Health,
            "/metrics" => Self::Metrics,
            "/events" => Self::Events(
                pairs(uri)
                    .filter(|(name, _)| name == "topic")
                    .map(|(_, topic)| topic.into())
                    .collect(),
            ),
            "/demo" => Self::Demo(String::new()),
            path if path.starts_with("/demo/") => Self::Demo(path["/demo/".len()..].into()),
            path => match path.strip_prefix("/topics/") {
                Some(topic) => Self::Topic(
                    percent_decode_str(topic)
                        .decode_utf8()
                        .map_err(
                            |_| "the name of the topic is not UTF-8: percent-encode it as UTF-8",
                        )?
                        .into(),
                ),
                None => Self::Unknown,
            },
        })
    }

    /// Whether an EventSource may be asking for it.
    pub(super) fn is_stream(&self) -> bool {
        match self {
            Self::Topic(_) | Self::Events(_) => true,
            Self::Demo(path) => path.ends_with("/events"),
            Self::Page | Self::Health | Self::Metrics | Self::Unknown => false,
        }
    }

    /// What the metrics call a target, or one that could not be read: one of a few names.
    pub(super) const fn route(target: &Result<Self, String>) -> &'static str {
        match target {
            Ok(Self::Page) => "page",
            Ok(Self::Health) => "health",
            Ok(Self::Metrics) => "metrics",
            Ok(Self::Topic(_)) => "topic",
            Ok(Self::Events(_)) => "events",
            Ok(Self::Demo(_)) => "demo",
            Ok(Self::Unknown) | Err(_) => "unknown",
        }
    }
}

/// Where a stream is asked to start.
#[derive(Debug)]
pub(crate) struct StreamQuery<'a> {
    last_event_id: Option<Cow<'a, [u8]>>,
    last: Option<usize>,
}

impl<'a> StreamQuery<'a> {
    /// Takes the id from the header, else from `lastEventId` for clients that cannot set one, and
    /// the number of events from `last`.
    pub(crate) fn of(request: &'a Parts) -> Result<Self, String> {
        let mut last_event_id = match Start::of_request(&request.headers) {
            Start::After(id) if !id.is_empty() => Some(Cow::Borrowed(id)),
            _ => None,
        };
        let mut last = None;
        for (name, value) in pairs(&request.uri) {
            match &*name {
                "lastEventId" if last_event_id.is_none() && !value.is_empty() => {
                    last_event_id = Some(Cow::Owned(value.into_owned().into_bytes()));
                }
                "last" => {
                    last = Some(value.parse().map_err(|_| {
                        "`last` is not a number: say how many events of the history to send first"
                    })?);
                }
                _ => {}
            }
        }
        Ok(Self { last_event_id, last })
    }

    /// An id knows better than a number where its reader is.
    pub(crate) fn start(&self) -> Start<'_> {
        match (&self.last_event_id, self.last) {
            (Some(id), _) => Start::After(id),
            (None, Some(last)) => Start::Last(last),
            (None, None) => Start::Live,
        }
    }
}

/// The pairs of a query, decoded.
pub(crate) fn pairs(uri: &Uri) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn paths() {
        let topic = |name: &str| Ok(Target::Topic(name.into()));
        for (uri, expected) in [
            ("/", Ok(Target::Page)),
            ("/healthz", Ok(Target::Health)),
            ("/metrics", Ok(Target::Metrics)),
            ("/topics/demo", topic("demo")),
            ("/topics/user/7", topic("user/7")),
            ("/topics/user%2F7", topic("user/7")),
            ("/topics/a+b%20c", topic("a+b c")),
            ("/topics/", topic("")),
            ("/topics", Ok(Target::Unknown)),
            ("/elsewhere", Ok(Target::Unknown)),
            ("/demo", Ok(Target::Demo(String::new()))),
            ("/demo/", Ok(Target::Demo(String::new()))),
            ("/demo/chat/events?user=a", Ok(Target::Demo("chat/events".into()))),
            ("/demos", Ok(Target::Unknown)),
            ("/events", Ok(Target::Events(vec![]))),
            ("/events?topic=a&x=y&topic=b%2Fc", Ok(Target::Events(vec!["a".into(), "b/c".into()]))),
        ] {
            assert_eq!(Target::of(&uri.parse().unwrap()), expected, "{uri}");
        }
        assert!(Target::of(&"/topics/%FF".parse().unwrap()).is_err());
    }

    #[test]
    fn starts() {
        for (header, query, expected) in [
            (None, "", Start::Live),
            (None, "?last=5", Start::Last(5)),
            (None, "?lastEventId=a-1&last=5", Start::After(b"a-1")),
            (Some("b-2"), "?lastEventId=a-1&last=5", Start::After(b"b-2")),
            (Some(""), "?lastEventId=a-1", Start::After(b"a-1")),
            (Some(""), "?lastEventId=", Start::Live),
        ] {
            let mut request = Request::get(format!("/events{query}"));
            if let Some(id) = header {
                request = request.header("last-event-id", id);
            }
            let (request, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(StreamQuery::of(&request).unwrap().start(), expected, "{header:?} {query}");
        }
        let (request, ()) = Request::get("/events?last=many").body(()).unwrap().into_parts();
        assert!(StreamQuery::of(&request).is_err());
    }
}
