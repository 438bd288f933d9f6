//! The parameters of a GET as the JSON of a POST.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The deepest documented name is `Filters.0.Values.0`.
const MAX_DEPTH: usize = 4;

/// Returns the parameters in a query as a JSON object: `IdList.0=1` is the first number of
/// `IdList`.
pub(super) fn to_json(query: &str) -> Value {
    let mut members = Map::new();
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        insert(&mut members, &name, MAX_DEPTH, typed(&name, &text));
    }
    with_lists(members)
}

/// Returns a value in the type of its parameter; a query has only texts.
fn typed(name: &str, text: &str) -> Value {
    let parameter = name.split('.').rfind(|part| part.parse::<usize>().is_err());
    let number = || text.parse::<u64>().ok().map(Value::from);
    let typed = match parameter.unwrap_or_default() {
        // The SDK for Python writes True, the one for PHP 1.
        "ExportByAsset" | "ExportAll" | "ExactMatch" => match text {
            "true" | "True" | "1" => Some(true.into()),
            "false" | "False" | "0" => Some(false.into()),
            _ => None,
        },
        "IdList" | "Offset" | "Limit" => number(),
        _ => None,
    };
    typed.unwrap_or_else(|| text.into())
}

fn insert(members: &mut Map<String, Value>, name: &str, depth: usize, value: Value) {
    let nested = name.split_once('.').filter(|_| depth > 1);
    let Some((first, rest)) = nested else {
        members.insert(name.to_owned(), value);
        return;
    };
    let nested = members.entry(first).or_insert_with(|| Map::new().into());
    if let Value::Object(nested) = nested {
        insert(nested, rest, depth - 1, value);
    }
}

/// Turns objects whose members are all numbered into lists.
fn with_lists(members: Map<String, Value>) -> Value {
    let members = members.into_iter().map(|(name, value)| match value {
        Value::Object(members) => (name, with_lists(members)),
        value => (name, value),
    });
    let members: Map<_, _> = members.collect();
    let item = |(name, value): (&String, &Value)| Some((name.parse().ok()?, value.clone()));
    let items: Option<BTreeMap<usize, _>> = members.iter().map(item).collect();
    match items.filter(|items| !items.is_empty()) {
        Some(items) => items.into_values().collect(),
        None => members.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_decoded_and_stay_texts() {
        assert_eq!(
            to_json("JobId=10001&By=a%20b+c%26"),
            json!({ "JobId": "10001", "By": "a b c&" })
        );
    }

    #[test]
    fn flags_are_read_as_each_sdk_writes_them() {
        let expected = json!({ "ExportByAsset": true, "ExportAll": false });
        for (yes, no) in [("true", "false"), ("True", "False"), ("1", "0")] {
            assert_eq!(to_json(&format!("ExportByAsset={yes}&ExportAll={no}")), expected);
        }
    }

    #[test]
    fn a_value_of_another_type_stays_a_text() {
        let expected = json!({ "ExportAll": "yes", "Limit": "-1" });
        assert_eq!(to_json("ExportAll=yes&Limit=-1"), expected);
    }

    #[test]
    fn numbered_names_are_lists_in_the_order_of_their_numbers() {
        let query: String = (0..12).rev().map(|n| format!("IdList.{n}={n}&")).collect();
        assert_eq!(to_json(&query)["IdList"], json!((0..12).collect::<Vec<_>>()));
    }

    #[test]
    fn filters_are_objects_in_a_list() {
        let query =
            "Filters.0.Name=n&Filters.0.Values.0=v&Filters.0.ExactMatch=true&Filters.1.Name=m";
        let expected = json!([
            { "Name": "n", "Values": ["v"], "ExactMatch": true }, { "Name": "m" },
        ]);
        assert_eq!(to_json(query)["Filters"], expected);
    }

    #[test]
    fn an_empty_query_has_no_parameters() {
        assert_eq!(to_json(""), json!({}));
    }

    #[test]
    fn a_name_with_many_dots_is_not_nested_without_end() {
        let deep = "d.".repeat(10_000);
        let value = to_json(&format!("a.b.c.{deep}e=1"));
        assert_eq!(value, json!({ "a": { "b": { "c": { format!("{deep}e"): "1" } } } }));
    }

    #[test]
    fn a_name_that_is_both_a_text_and_an_object_keeps_the_text() {
        assert_eq!(to_json("a=1&a.b=2"), json!({ "a": "1" }));
    }
}
