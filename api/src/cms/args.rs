//! What a body holds. Published clients send numbers as text, lists as text, and some operations' arguments inside
//! `queryParam`: all of it is taken, everywhere.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::envelope::Failure;

/// The arguments.
#[derive(Debug, Clone, Default)]
pub(super) struct Args(Map<String, Value>);

impl Args {
    /// Parses a body; an empty one has no arguments.
    pub(super) fn parse(body: &[u8]) -> Result<Args, Failure> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Args::default());
        }
        let Ok(Value::Object(mut all)) = serde_json::from_slice(body) else {
            return Err(Failure::parameter("the body is not a JSON object"));
        };
        match all.remove("queryParam") {
            None => Ok(Args(all)),
            // Members beside the wrapper stay visible: a client that wraps half of them is understood, too.
            Some(Value::Object(inner)) => {
                all.extend(inner);
                Ok(Args(all))
            }
            Some(_) => Err(Failure::parameter("queryParam is not an object")),
        }
    }

    /// A member that is there and neither null nor an empty text.
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    /// A whole number within a range.
    pub(super) fn int(&self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, Failure> {
        self.get(name).map(|value| number(value, name, &range)).transpose()
    }

    /// The same, which has to be there.
    pub(super) fn need_int(&self, name: &str, range: RangeInclusive<i64>) -> Result<i64, Failure> {
        self.int(name, range)?.ok_or_else(|| Failure::parameter(format!("{name} is missing")))
    }

    /// A list of whole numbers: an array, an array as text, or one number.
    pub(super) fn ints(&self, name: &str, most: usize, range: RangeInclusive<i64>) -> Result<Option<Vec<i64>>, Failure> {
        let Some(list) = self.list(name, most)? else { return Ok(None) };
        list.iter().map(|value| number(value, name, &range)).collect::<Result<_, _>>().map(Some)
    }

    /// A list of texts.
    pub(super) fn texts(&self, name: &str, most: usize) -> Result<Option<Vec<String>>, Failure> {
        let Some(list) = self.list(name, most)? else { return Ok(None) };
        let text = |value: &Value| match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(Failure::parameter(format!("{name} is not a list of texts"))),
        };
        list.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// A text; numbers are taken as they are written.
    pub(super) fn text(&self, name: &str, most: usize) -> Result<Option<String>, Failure> {
        let text = match self.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(value)) => value.to_string(),
            Some(_) => return Err(Failure::parameter(format!("{name} is not a text"))),
        };
        if text.len() > most {
            return Err(Failure::parameter(format!("{name} is longer than {most}")));
        }
        Ok(Some(text))
    }

    fn list(&self, name: &str, most: usize) -> Result<Option<Vec<Value>>, Failure> {
        let list = match self.get(name) {
            None => return Ok(None),
            Some(Value::Array(list)) => list.clone(),
            Some(Value::String(text)) => listed(text),
            Some(one @ Value::Number(_)) => vec![one.clone()],
            Some(_) => return Err(Failure::parameter(format!("{name} is not a list"))),
        };
        if list.len() > most {
            return Err(Failure::parameter(format!("{name} has more than {most} entries")));
        }
        Ok(Some(list))
    }
}

/// `"[1,2]"`, `"1,2"` or `"1"`.
fn listed(text: &str) -> Vec<Value> {
    match serde_json::from_str(text) {
        Ok(Value::Array(list)) => list,
        _ => text.split(',').map(|part| Value::String(part.trim().to_owned())).collect(),
    }
}

fn number(value: &Value, name: &str, range: &RangeInclusive<i64>) -> Result<i64, Failure> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| Failure::parameter(format!("{name} is not a whole number from {} to {}", range.start(), range.end())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lists_and_wrappers_are_taken_as_published_clients_send_them() {
        for body in [
            r#"{"vdn":1,"skillIds":[1,2],"status":"4"}"#,
            r#"{"vdn":"1","skillIds":"[1,2]","status":4}"#,
            r#"{"queryParam":{"vdn":" 1 ","skillIds":["1","2"],"status":"4"}}"#,
            r#"{"queryParam":{"skillIds":"1,2","status":"4"},"vdn":1}"#,
        ] {
            let args = Args::parse(body.as_bytes()).unwrap();
            assert_eq!(args.need_int("vdn", 1..=5000).unwrap(), 1, "{body}");
            assert_eq!(args.ints("skillIds", 10, 1..=5000).unwrap(), Some(vec![1, 2]), "{body}");
            assert_eq!(args.text("status", 5).unwrap().as_deref(), Some("4"), "{body}");
        }
    }

    #[test]
    fn what_is_missing_wrong_or_too_much_is_an_illegal_parameter() {
        let args = Args::parse(br#"{"vdn":"x","big":5001,"list":[1,2,3],"deep":{},"empty":"","null":null}"#).unwrap();
        assert!(args.int("vdn", 1..=5000).is_err());
        assert!(args.int("big", 1..=5000).is_err());
        assert!(args.int("deep", 1..=5000).is_err());
        assert!(args.ints("list", 2, 1..=9).is_err());
        assert!(args.ints("list", 3, 1..=2).is_err());
        assert!(args.text("deep", 9).is_err());
        assert_eq!(args.int("empty", 1..=2).unwrap(), None);
        assert_eq!(args.text("null", 2).unwrap(), None);
        assert!(args.need_int("empty", 1..=2).is_err());
        for bad in ["[]", "{", "1", r#"{"queryParam":[1]}"#] {
            assert!(Args::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(Args::parse(b" ").is_ok());
    }
}
