//! A subscriber that records every span and event as a line of text.

use std::{
    fmt::{Debug, Write},
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// Clones share the lines.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    spans: Vec<String>,
    lines: Vec<String>,
    closed: usize,
}

/// Returns the events while `code` runs, each with its level and its span, and all the spans.
///
/// # Panics
///
/// If a span is entered or stays open.
pub(crate) fn recorded(code: impl FnOnce()) -> (Vec<String>, Vec<String>) {
    let recorder = Recorder::default();
    tracing::subscriber::with_default(recorder.clone(), code);
    let State { spans, lines, closed } = std::mem::take(&mut *recorder.0.lock().unwrap());
    assert_eq!(closed, spans.len(), "{spans:?}");
    (lines, spans)
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // As the filter of a program that uses the facade.
        metadata.target().starts_with("tcss_export")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text(span.metadata().name().to_owned());
        span.record(&mut text);
        let spans = &mut self.0.lock().unwrap().spans;
        spans.push(text.0);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {
        panic!("a field that came later");
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut state = self.0.lock().unwrap();
        let parent = event.parent().expect("a span").into_u64() as usize;
        let level = event.metadata().level();
        let mut text = Text(format!("{level} [{}]", state.spans[parent - 1]));
        event.record(&mut text);
        state.lines.push(text.0);
    }

    fn enter(&self, _: &Id) {
        panic!("an entered span");
    }

    fn exit(&self, _: &Id) {}

    fn try_close(&self, _: Id) -> bool {
        self.0.lock().unwrap().closed += 1;
        true
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => write!(self.0, " {value:?}:").unwrap(),
            name => write!(self.0, " {name}={value:?}").unwrap(),
        }
    }
}
