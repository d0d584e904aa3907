#!/bin/sh
# Makes the built-in prompts anew: numbers and the sentences around them, in English and Mandarin.
#
#   apt-get install espeak-ng sox opus-tools
#   media/prompts/make.sh
#
# The words are those of core/src/spoken.rs; a test of the media crate checks that none is missing. A tenant that wants a
# better voice puts files of the same names into its own folder: <prompts>/<tenant>/@en/20.wav.
set -eu
cd "$(dirname "$0")"
rm -rf built-in
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# say <language> <voice> <words per minute>; lines of <name> <what is said>
say() {
    mkdir -p "built-in/$1"
    while read -r name words; do
        [ -n "$name" ] || continue
        espeak-ng -v "$2" -s "$3" -w "$work/raw.wav" "$words"
        # Silence off both ends, one level, 60 ms of room: prompts of a sequence follow each other without a gap of their own.
        sox -R "$work/raw.wav" -r 8000 -c 1 -b 16 "$work/clip.wav" \
            silence 1 0.01 0.4% reverse silence 1 0.01 0.4% reverse gain -n -6 pad 0 0.06
        opusenc --quiet --bitrate 12 --serial 1 --discard-comments "$work/clip.wav" "built-in/$1/$name.opus"
    done
}

say en en-us 155 <<'WORDS'
0 zero
1 one
2 two
3 three
4 four
5 five
6 six
7 seven
8 eight
9 nine
10 ten
11 eleven
12 twelve
13 thirteen
14 fourteen
15 fifteen
16 sixteen
17 seventeen
18 eighteen
19 nineteen
20 twenty
30 thirty
40 forty
50 fifty
60 sixty
70 seventy
80 eighty
90 ninety
hundred hundred
thousand thousand
million million
billion billion
you_are_next You are next in line.
you_are_number You are number
in_line in line.
estimated_wait The estimated waiting time is
less_than_a_minute less than a minute.
more_than_an_hour more than an hour.
minute minute.
minutes minutes.
agent_number Your call is answered by agent number
leave_a_message Please leave a message after the tone. Press the hash key when you are done.
WORDS

say zh cmn 170 <<'WORDS'
0 零
1 一
2 二
3 三
4 四
5 五
6 六
7 七
8 八
9 九
10 十
100 百
1000 千
10000 万
100000000 亿
two_of 两
one_of_a_row 幺
you_are_next 您是下一位。
you_are_number 您现在排在第
in_line 位。
estimated_wait 预计等待时间
less_than_a_minute 不到一分钟。
more_than_an_hour 超过一小时。
minutes 分钟。
agent_number 工号
serves_you 为您服务。
leave_a_message 请在提示音后留言，留言结束请按井号键。
WORDS
