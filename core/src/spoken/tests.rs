use super::*;

/// Prompt names as the words they say.
fn text(names: &[SmolStr]) -> String {
    let word = |name: &SmolStr| match name.as_str() {
        "@zh/10" => "十",
        "@zh/100" => "百",
        "@zh/1000" => "千",
        "@zh/10000" => "万",
        "@zh/100000000" => "亿",
        "@zh/two_of" => "两",
        "@zh/one_of_a_row" => "幺",
        "@zh/you_are_number" => "第",
        "@zh/in_line" => "位",
        "@zh/estimated_wait" => "预计",
        "@zh/minutes" => "分钟",
        "@zh/agent_number" => "工号",
        "@zh/serves_you" => "服务",
        digit => match digit.strip_prefix("@zh/").and_then(|digit| digit.parse::<usize>().ok()) {
            Some(digit) => ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"][digit],
            None => panic!("{digit}"),
        },
    };
    names.iter().map(word).collect()
}

fn english(names: &[SmolStr]) -> String {
    names.iter().map(|name| name.strip_prefix("@en/").unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn english_numbers_are_said_by_hundreds_and_thousands() {
    for (value, said) in [
        (0, "0"),
        (13, "13"),
        (20, "20"),
        (21, "20 1"),
        (100, "1 hundred"),
        (123, "1 hundred 20 3"),
        (110, "1 hundred 10"),
        (1001, "1 thousand 1"),
        (20_300, "20 thousand 3 hundred"),
        (1_000_000, "1 million"),
        (u32::MAX, "4 billion 2 hundred 90 4 million 9 hundred 60 7 thousand 2 hundred 90 5"),
    ] {
        assert_eq!(english(&number(Language::En, value)), said);
    }
}

#[test]
fn chinese_numbers_are_said_as_one_says_them() {
    for (value, said) in [
        (0, "零"),
        (2, "二"),
        (10, "十"),
        (12, "十二"),
        (20, "二十"),
        (23, "二十三"),
        (100, "一百"),
        (101, "一百零一"),
        (110, "一百一十"),
        (112, "一百一十二"),
        (200, "两百"),
        (205, "两百零五"),
        (222, "两百二十二"),
        (1001, "一千零一"),
        (1010, "一千零一十"),
        (2200, "两千二百"),
        (10_000, "一万"),
        (10_020, "一万零二十"),
        (12_000, "一万两千"),
        (20_000, "两万"),
        (101_000, "十万一千"),
        (120_000, "十二万"),
        (100_010_000, "一亿零一万"),
        (200_000_000, "两亿"),
        (u32::MAX, "四十二亿九千四百九十六万七千二百九十五"),
    ] {
        assert_eq!(text(&number(Language::Zh, value)), said, "{value}");
    }
}

#[test]
fn a_place_is_told_as_an_ordinal_and_the_first_is_next() {
    assert_eq!(english(&position(Language::En, 1)), "you_are_next");
    assert_eq!(english(&position(Language::En, 22)), "you_are_number 20 2 in_line");
    assert_eq!(position(Language::Zh, 1), ["@zh/you_are_next"]);
    assert_eq!(text(&position(Language::Zh, 2)), "第二位");
    assert_eq!(text(&position(Language::Zh, 12)), "第十二位");
    assert_eq!(text(&position(Language::Zh, 205)), "第二百零五位");
}

#[test]
fn a_wait_is_told_in_whole_minutes() {
    for (seconds, said) in [
        (0, "estimated_wait less_than_a_minute"),
        (59, "estimated_wait less_than_a_minute"),
        (60, "estimated_wait 1 minute"),
        (89, "estimated_wait 1 minute"),
        (90, "estimated_wait 2 minutes"),
        (3600, "estimated_wait 60 minutes"),
        (3700, "estimated_wait more_than_an_hour"),
        (u32::MAX, "estimated_wait more_than_an_hour"),
    ] {
        assert_eq!(english(&estimated_wait(Language::En, seconds)), said);
    }
    assert_eq!(text(&estimated_wait(Language::Zh, 120)), "预计两分钟");
    assert_eq!(text(&estimated_wait(Language::Zh, 12 * 60)), "预计十二分钟");
    assert_eq!(text(&estimated_wait(Language::Zh, 22 * 60)), "预计二十二分钟");
}

#[test]
fn a_work_number_is_read_digit_by_digit() {
    assert_eq!(english(&agent_number(Language::En, "101")), "agent_number 1 0 1");
    assert_eq!(text(&agent_number(Language::Zh, "1027")), "工号幺零二七服务");
    assert_eq!(english(&agent_number(Language::En, "a1 b2")), "agent_number 1 2");
    assert_eq!(agent_number(Language::En, &"1".repeat(1000)).len(), 21);
}

#[test]
fn nothing_is_ever_said_that_is_not_in_the_vocabulary() {
    for language in [Language::En, Language::Zh] {
        let words = vocabulary(language);
        let mut used = std::collections::BTreeSet::new();
        let mut seed = 7u32;
        for round in 0..20_000u32 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let value = if round < 1000 { round } else { seed >> (round % 32) };
            let said = [
                number(language, value),
                position(language, value),
                estimated_wait(language, value),
                agent_number(language, &value.to_string()),
            ];
            used.extend(said.into_iter().flatten());
        }
        let names: std::collections::BTreeSet<SmolStr> = words.iter().map(|name| language.prompt(name)).collect();
        assert_eq!(used, names, "{language:?}: said, and in the vocabulary");
        assert_eq!(names.len(), words.len(), "no word twice");
    }
}
