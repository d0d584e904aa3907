//! What is said to callers, as names of prompts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A language that the built-in prompts speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Mandarin Chinese.
    Zh,
}

impl Language {
    /// The folder of its prompts: `@en`, `@zh`.
    pub fn folder(self) -> &'static str {
        match self {
            Language::En => "@en",
            Language::Zh => "@zh",
        }
    }

    fn prompt(self, name: &str) -> SmolStr {
        SmolStr::new(format!("{}/{name}", self.folder()))
    }
}

/// Most digits that are read out of a number of an agent: more than any has.
const AGENT_DIGITS: usize = 20;
/// A wait beyond this many minutes is not told exactly: it would only be wrong.
const LONGEST_WAIT: u32 = 60;

/// A number as one says it: 123 is "one hundred twenty three", 一百二十三.
pub fn number(language: Language, value: u32) -> Vec<SmolStr> {
    let names = match language {
        Language::En => english::cardinal(value),
        Language::Zh => chinese::cardinal(value),
    };
    names.into_iter().map(|name| language.prompt(name)).collect()
}

/// A caller's place in its queue, counted from 1: "you are number 3 in line", 您现在排在第三位. The first hears that it is next.
pub fn position(language: Language, place: u32) -> Vec<SmolStr> {
    if place <= 1 {
        return vec![language.prompt("you_are_next")];
    }
    let place = match language {
        Language::En => english::cardinal(place),
        Language::Zh => chinese::ordinal(place),
    };
    framed(language, "you_are_number", place, &["in_line"])
}

/// How long a caller is going to wait, in whole minutes: "the estimated wait is 2 minutes", 预计等待两分钟; below one minute and
/// above an hour only that.
pub fn estimated_wait(language: Language, seconds: u32) -> Vec<SmolStr> {
    let minutes = seconds.saturating_add(30) / 60;
    if seconds < 60 {
        return vec![language.prompt("estimated_wait"), language.prompt("less_than_a_minute")];
    }
    if minutes > LONGEST_WAIT {
        return vec![language.prompt("estimated_wait"), language.prompt("more_than_an_hour")];
    }
    let (count, unit) = match language {
        Language::En => (english::cardinal(minutes), if minutes == 1 { "minute" } else { "minutes" }),
        Language::Zh => (chinese::cardinal_of_things(minutes), "minutes"),
    };
    framed(language, "estimated_wait", count, &[unit])
}

/// The number of the agent who answers, digit by digit: "agent number one zero one", 工号幺零幺为您服务. Anything but digits is
/// left out.
pub fn agent_number(language: Language, digits: &str) -> Vec<SmolStr> {
    let digits = digits.chars().filter_map(|digit| digit.to_digit(10)).take(AGENT_DIGITS);
    match language {
        Language::En => framed(language, "agent_number", digits.map(english::digit).collect(), &[]),
        Language::Zh => framed(language, "agent_number", digits.map(chinese::digit_of_a_row).collect(), &["serves_you"]),
    }
}

fn framed(language: Language, before: &'static str, middle: Vec<&'static str>, after: &[&'static str]) -> Vec<SmolStr> {
    let all = std::iter::once(before).chain(middle).chain(after.iter().copied());
    all.map(|name| language.prompt(name)).collect()
}

/// Every name that [`number`], [`position`], [`estimated_wait`] and [`agent_number`] can give in a language, without its folder.
/// Whoever ships prompts checks against it that none is missing.
pub fn vocabulary(language: Language) -> Vec<&'static str> {
    let (words, phrases): (Vec<&[&str]>, &[&str]) = match language {
        Language::En => (
            vec![&english::SMALL, english::TENS.get(2..).unwrap_or_default(), &["hundred"], english::GROUPS.get(1..).unwrap_or_default()],
            &["you_are_next", "you_are_number", "in_line", "estimated_wait", "less_than_a_minute", "more_than_an_hour"],
        ),
        Language::Zh => (
            vec![&chinese::DIGITS, &["10", "100", "1000", "two_of", "one_of_a_row"], chinese::GROUPS.get(1..).unwrap_or_default()],
            &["you_are_next", "you_are_number", "in_line", "estimated_wait", "less_than_a_minute", "more_than_an_hour"],
        ),
    };
    let rest: &[&str] = match language {
        Language::En => &["minute", "minutes", "agent_number"],
        Language::Zh => &["minutes", "agent_number", "serves_you"],
    };
    words.into_iter().flatten().chain(phrases).chain(rest).copied().collect()
}

mod english {
    pub(super) const SMALL: [&str; 20] =
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19"];
    pub(super) const TENS: [&str; 10] = ["", "", "20", "30", "40", "50", "60", "70", "80", "90"];
    pub(super) const GROUPS: [&str; 4] = ["", "thousand", "million", "billion"];

    pub(super) fn digit(digit: u32) -> &'static str {
        SMALL.get(digit as usize).copied().unwrap_or_default()
    }

    /// By groups of three digits; the American way, without "and".
    pub(super) fn cardinal(value: u32) -> Vec<&'static str> {
        if value == 0 {
            return vec![SMALL[0]];
        }
        let mut names = Vec::new();
        for (place, group) in GROUPS.iter().enumerate().rev() {
            let part = value / 1000u32.pow(place as u32) % 1000;
            if part > 0 {
                below_thousand(part, &mut names);
                names.extend((place > 0).then_some(*group));
            }
        }
        names
    }

    fn below_thousand(value: u32, names: &mut Vec<&'static str>) {
        if value >= 100 {
            names.extend([digit(value / 100), "hundred"]);
        }
        let rest = value % 100;
        if rest >= 20 {
            names.extend(TENS.get(rest as usize / 10));
            names.extend((!rest.is_multiple_of(10)).then(|| digit(rest % 10)));
        } else if rest > 0 {
            names.push(digit(rest));
        }
    }
}

mod chinese {
    pub(super) const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    /// 万 and 亿: Chinese counts by groups of four digits.
    pub(super) const GROUPS: [&str; 3] = ["", "10000", "100000000"];
    /// 千, 百, 十 and nothing.
    const PLACES: [(u32, &str); 4] = [(1000, "1000"), (100, "100"), (10, "10"), (1, "")];
    /// 两: two of something.
    const TWO_OF: &str = "two_of";
    /// 幺: one in a row of digits, where 一 and 七 sound too much alike.
    const ONE_OF_A_ROW: &str = "one_of_a_row";

    /// How a 2 is said before 百, 千, 万 and 亿.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Two {
        /// 两, where it begins a group (两百零五, 两千二百, 两万).
        Liang,
        /// 二, after 第 (第二百).
        Er,
    }

    /// A number by itself.
    pub(super) fn cardinal(value: u32) -> Vec<&'static str> {
        say(value, Two::Liang)
    }

    /// A number after 第.
    pub(super) fn ordinal(value: u32) -> Vec<&'static str> {
        say(value, Two::Er)
    }

    /// A number before a measure word: two of something is 两 (两分钟), twelve is still 十二.
    pub(super) fn cardinal_of_things(value: u32) -> Vec<&'static str> {
        if value == 2 { vec![TWO_OF] } else { cardinal(value) }
    }

    pub(super) fn digit_of_a_row(digit: u32) -> &'static str {
        if digit == 1 { ONE_OF_A_ROW } else { name(digit) }
    }

    fn name(digit: u32) -> &'static str {
        DIGITS.get(digit as usize).copied().unwrap_or_default()
    }

    fn say(value: u32, two: Two) -> Vec<&'static str> {
        if value == 0 {
            return vec![DIGITS[0]];
        }
        let mut names = Vec::new();
        for (place, group) in GROUPS.iter().enumerate().rev() {
            let part = value / 10_000u32.pow(place as u32) % 10_000;
            if part == 0 {
                continue;
            }
            // A group that does not fill its four digits is set off by 零 from what is before it: 一万零二十.
            if !names.is_empty() && part < 1000 {
                names.push(DIGITS[0]);
            }
            if part == 2 && place > 0 && two == Two::Liang {
                names.push(TWO_OF);
            } else {
                below_ten_thousand(part, two, &mut names);
            }
            names.extend((place > 0).then_some(*group));
        }
        names
    }

    fn below_ten_thousand(value: u32, two: Two, names: &mut Vec<&'static str>) {
        let (mut begun, mut zero) = (false, false);
        for (unit, place) in PLACES {
            let digit = value / unit % 10;
            if digit == 0 {
                zero = begun;
                continue;
            }
            // One 零 for however many zeros between two digits: 一千零一.
            if std::mem::take(&mut zero) {
                names.push(DIGITS[0]);
            }
            // 十 alone begins a number: 十二, but 一百一十二.
            let bare_ten = unit == 10 && digit == 1 && names.is_empty();
            if digit == 2 && unit >= 100 && !begun && two == Two::Liang {
                names.push(TWO_OF);
            } else if !bare_ten {
                names.push(name(digit));
            }
            names.extend((!place.is_empty()).then_some(place));
            begun = true;
        }
    }
}

#[cfg(test)]
mod tests;
