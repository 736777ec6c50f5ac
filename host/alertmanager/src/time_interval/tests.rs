use super::*;

fn config(text: &str) -> TimeIntervalConfig {
    serde_yaml::from_str(text).unwrap()
}

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

#[test]
fn times_are_in_an_interval_where_all_parts_agree() {
    // 2024-02-29 is a Thursday in a leap year.
    for (interval, time, is_in) in [
        ("{}", "2024-02-29T12:00:00Z", true),
        (
            "times: [{start_time: '09:00', end_time: '17:00'}]",
            "2024-02-29T09:00:00Z",
            true,
        ),
        (
            "times: [{start_time: '09:00', end_time: '17:00'}]",
            "2024-02-29T16:59:59Z",
            true,
        ),
        (
            "times: [{start_time: '09:00', end_time: '17:00'}]",
            "2024-02-29T17:00:00Z",
            false,
        ),
        (
            "times: [{start_time: '23:00', end_time: '24:00'}]",
            "2024-02-29T23:59:59Z",
            true,
        ),
        ("weekdays: ['monday:friday']", "2024-02-29T12:00:00Z", true),
        (
            "weekdays: ['Saturday', 'sunday']",
            "2024-02-29T12:00:00Z",
            false,
        ),
        (
            "weekdays: ['saturday', 'sunday']",
            "2024-03-03T12:00:00Z",
            true,
        ),
        ("days_of_month: ['-1']", "2024-02-29T12:00:00Z", true),
        ("days_of_month: ['-1']", "2024-02-28T12:00:00Z", false),
        ("days_of_month: ['-3:-1']", "2024-02-27T12:00:00Z", true),
        ("days_of_month: ['1:5']", "2024-02-05T23:59:00Z", true),
        ("days_of_month: ['1:5']", "2024-02-06T00:00:00Z", false),
        ("days_of_month: ['30:31']", "2024-02-29T12:00:00Z", false),
        ("days_of_month: ['29:31']", "2024-02-29T12:00:00Z", true),
        ("months: ['january:march']", "2024-02-29T12:00:00Z", true),
        ("months: ['2']", "2024-02-29T12:00:00Z", true),
        ("months: ['march:12']", "2024-02-29T12:00:00Z", false),
        ("years: ['2020:2023', '2024']", "2024-02-29T12:00:00Z", true),
        ("years: ['2025:2030']", "2024-02-29T12:00:00Z", false),
        (
            "{weekdays: [thursday], months: [march]}",
            "2024-02-29T12:00:00Z",
            false,
        ),
        // Berlin is two hours ahead in summer and one in winter.
        (
            "{times: [{start_time: '14:00', end_time: '15:00'}], location: Europe/Berlin}",
            "2024-07-01T12:30:00Z",
            true,
        ),
        (
            "{times: [{start_time: '14:00', end_time: '15:00'}], location: Europe/Berlin}",
            "2024-12-01T12:30:00Z",
            false,
        ),
        (
            "{times: [{start_time: '14:00', end_time: '15:00'}], location: Europe/Berlin}",
            "2044-07-01T12:30:00Z",
            true,
        ),
        (
            "{weekdays: [friday], location: Australia/Sydney}",
            "2024-02-29T14:00:00Z",
            true,
        ),
    ] {
        let found = config(interval).resolve().unwrap().contains(ms(time));
        assert_eq!(found, is_in, "{interval} {time}");
    }
}

#[test]
fn what_is_no_interval_says_why() {
    for (interval, expected) in [
        (
            "times: [{start_time: '09:00'}]",
            "both start and end times must be provided",
        ),
        (
            "times: [{start_time: '17:00', end_time: '09:00'}]",
            "start time cannot be equal or greater than end time",
        ),
        (
            "times: [{start_time: '9:00', end_time: '10:00'}]",
            "couldn't parse timestamp 9:00, invalid format",
        ),
        (
            "times: [{start_time: '09:00', end_time: '24:01'}]",
            "couldn't parse timestamp 24:01, invalid format",
        ),
        ("weekdays: ['mon']", "mon is not a valid weekday"),
        (
            "weekdays: ['friday:monday']",
            "start day cannot be before end day",
        ),
        (
            "days_of_month: ['0']",
            "0 is not a valid day of the month: out of range",
        ),
        (
            "days_of_month: ['1:32']",
            "32 is not a valid day of the month: out of range",
        ),
        (
            "days_of_month: ['-5:5']",
            "end day must be negative if start day is negative",
        ),
        (
            "days_of_month: ['10:5']",
            "end day 5 is always before start day 10",
        ),
        (
            "days_of_month: ['-1:-5']",
            "end day -5 is always before start day -1",
        ),
        (
            "days_of_month: ['x']",
            "strconv.Atoi: parsing \"x\": invalid syntax",
        ),
        (
            "months: ['may:april']",
            "end month april is before start month may",
        ),
        ("months: ['smarch']", "smarch is not a valid month"),
        (
            "years: ['2025:2024']",
            "end year 2024 is before start year 2025",
        ),
        (
            "years: ['1:2:3']",
            "couldn't parse range 1:2:3, invalid format",
        ),
        ("location: Narnia", "unknown time zone Narnia"),
    ] {
        assert_eq!(
            config(interval).resolve().unwrap_err(),
            expected,
            "{interval}"
        );
    }
}
