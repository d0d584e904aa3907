use std::io::Cursor;

use super::exchange;

/// What the adapter says to these lines, and what it complains of.
fn talk(lines: &str) -> (String, String) {
    let (mut output, mut complaints) = (Vec::new(), Vec::new());
    exchange(Cursor::new(lines.as_bytes().to_vec()), &mut output, &mut complaints).unwrap();
    (String::from_utf8(output).unwrap(), String::from_utf8(complaints).unwrap())
}

const HELLO: &str = "H 1 target=0.03 shift=28800 amd=0 patience=2 ring_timeout=22\n";

#[test]
fn every_observation_gets_one_decision() {
    let lines = format!(
        "{HELLO}O t=0.000 idle=0 waiting=0 inbq=0 trunks=118 breaks=0 talk= wrap= ring= amd= cancelok=\n\
         E up 0\nE up 4\nE answered 17 9.2\nE need 17 9.214\nE connected 17 0 0.000\n\
         O t=812.300 idle=2 waiting=0 inbq=0 trunks=118 breaks=1 talk=0:12.30,4:88.10 wrap=2:3.00 ring=18:4.20,19:4.20 amd= cancelok=\nQ\n"
    );
    let (said, complaints) = talk(&lines);
    assert_eq!(complaints, "");
    let replies: Vec<&str> = said.lines().collect();
    assert_eq!(replies.len(), 2);
    assert_eq!(replies[0], "P 0", "nobody is there to talk");
    assert!(replies[1].starts_with("P "), "{said}");
}

#[test]
fn every_event_of_the_protocol_is_understood() {
    let lines = format!(
        "{HELLO}E answered 1 3.5\nE need 1 3.5\nE machine 2 5.0\nE noanswer 3 24.1\nE busy 4 2.0\nE fail 5 0.1\nE cancelled 6 16.0\n\
         E connected 1 3 0.4\nE dropped 7\nE talkend 3 131.2\nE wrapend 3 12.5 1 1\nE inbound\nE inboundlost\nE up 3\nE down 3\nQ\n"
    );
    assert_eq!(talk(&lines), (String::new(), String::new()));
}

#[test]
fn ready_agents_get_at_least_a_line_each() {
    let lines = format!("{HELLO}O t=10 idle=5 waiting=0 inbq=0 trunks=80 breaks=0 talk= wrap= ring= amd= cancelok=\nQ\n");
    let (said, _) = talk(&lines);
    let placed: u32 = said.trim().strip_prefix("P ").unwrap().parse().unwrap();
    assert!((5..=80).contains(&placed), "{said}");
}

#[test]
fn no_more_calls_than_lines() {
    let lines = format!("{HELLO}O t=10 idle=50 waiting=0 inbq=0 trunks=3 breaks=0 talk= wrap= ring= amd= cancelok=\nQ\n");
    assert_eq!(talk(&lines).0, "P 3\n");
}

#[test]
fn bad_lines_are_named_and_passed_over() {
    let lines = format!(
        "{HELLO}X what\nE need\nE need seventeen 1\nE jump 1\nE talkend 3 -1\nE talkend 3 NaN\nH 1\n\n\
         O t=5 idle=1 waiting=0 inbq=0 trunks=1 breaks=0 talk= wrap= ring= amd= cancelok=\nQ\n"
    );
    let (said, complaints) = talk(&lines);
    assert_eq!(said, "P 1\n");
    let lines: Vec<&str> = complaints.lines().collect();
    assert_eq!(
        lines,
        [
            "line 2: unknown line `X`; expected H, E, O or Q",
            "line 3: ID is missing",
            "line 4: ID is `seventeen`, not a number",
            "line 5: unknown event `jump`",
            "line 6: SECONDS is `-1`, not a number",
            "line 7: SECONDS is `NaN`, not a number",
            "line 8: a second H: the first one holds",
        ]
    );
}

#[test]
fn an_observation_without_sense_is_answered_with_nothing_to_place() {
    for broken in ["O", "O idle=1", "O t=x idle=1", "O t=1 idle=-1", "O t=1 ring=18", "O t=1 talk=1:x", "O t=1 trunks"] {
        let (said, complaints) = talk(&format!("{HELLO}{broken}\nQ\n"));
        assert_eq!(said, "P 0\n", "{broken}");
        assert!(complaints.starts_with("line 2: "), "{broken}: {complaints}");
    }
}

#[test]
fn a_line_without_end_costs_no_memory_and_no_answer() {
    let mut lines = HELLO.to_owned();
    lines.push_str(&"E".repeat(3_000_000));
    lines.push_str("\nO t=5 idle=1 waiting=0 inbq=0 trunks=1 breaks=0\nQ\n");
    let (said, complaints) = talk(&lines);
    assert_eq!(said, "P 1\n");
    assert_eq!(complaints, "line 2: longer than 1048576 bytes\n");
}

#[test]
fn bytes_that_are_no_text_are_named() {
    let (mut output, mut complaints) = (Vec::new(), Vec::new());
    exchange(Cursor::new(b"H 1\nE \xff\xfe\nO \xff\nQ\n".to_vec()), &mut output, &mut complaints).unwrap();
    assert_eq!(output, b"P 0\n");
    assert_eq!(String::from_utf8(complaints).unwrap(), "line 2: not UTF-8\nline 3: not UTF-8\n");
}

#[test]
fn the_run_is_over_at_q_and_at_the_end_of_input() {
    let observation = "O t=5 idle=1 waiting=0 inbq=0 trunks=1 breaks=0\n";
    assert_eq!(talk(&format!("{HELLO}Q\n{observation}")).0, "");
    assert_eq!(talk(&format!("{HELLO}{observation}")).0, "P 1\n");
}

#[test]
fn only_calls_that_may_be_given_up_are_given_up() {
    // One agent talks, ten calls ring: far too many, and two of them have rung the legal minimum.
    let ring: Vec<String> = (1..=40).map(|call| format!("{call}:{}", 20 - call / 3)).collect();
    let lines = format!(
        "{HELLO}O t=100 idle=0 waiting=2 inbq=0 trunks=99 breaks=0 talk=1:5,2:6,3:3 wrap= ring={} amd= cancelok=1,2\nQ\n",
        ring.join(",")
    );
    let (said, _) = talk(&lines);
    let mut words = said.split_whitespace();
    assert_eq!((words.next(), words.next()), (Some("P"), Some("0")));
    let given_up: Vec<&str> = words.collect();
    assert!(!given_up.is_empty() && given_up.iter().all(|call| ["1", "2"].contains(call)), "{said}");
}

#[test]
fn the_same_lines_give_the_same_answers() {
    let mut lines = HELLO.to_owned();
    for step in 0..200 {
        lines.push_str(&format!(
            "E need {step} 9.5\nE connected {step} {} 0\nE talkend {} 60\nE wrapend {} 9 1 1\n\
             O t={step} idle={} waiting=0 inbq=0 trunks=90 breaks=0 talk=9:{step} wrap=8:1 ring={}:3.5 amd= cancelok=\n",
            step % 5,
            step % 5,
            step % 5,
            step % 4,
            step + 1,
        ));
    }
    assert_eq!(talk(&lines), talk(&lines));
}
