//! Whether a trigger is active: only the scaler `cron` is known, and only times that come once a year.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::keda::scaled_object::Trigger;

/// A time in the year, in the order of time: month, day, hour, minute.
type InYear = [u8; 4];

/// True when it is active at a time.
///
/// # Errors
/// When it is not understood.
pub(super) fn is_active(trigger: &Trigger, now: Timestamp) -> Result<bool, String> {
    if trigger.kind != "cron" {
        return Err(format!("trigger {}: not understood; expected cron", trigger.kind));
    }
    let said = |name: &str| {
        let value = trigger.metadata.get(name);
        value.ok_or_else(|| format!("trigger cron: {name} is missing"))
    };
    let timezone = said("timezone")?;
    if timezone != "UTC" {
        return Err(format!("trigger cron: timezone {timezone} is not understood; expected UTC"));
    }
    let (start, end) = (in_year("start", said("start")?)?, in_year("end", said("end")?)?);
    let now = now.to_zoned(TimeZone::UTC).datetime();
    let now = [now.month(), now.day(), now.hour(), now.minute()].map(i8::unsigned_abs);
    Ok(if start <= end { start <= now && now < end } else { start <= now || now < end })
}

fn in_year(name: &str, schedule: &str) -> Result<InYear, String> {
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    let number = |field: &str| field.parse().ok();
    let time = match fields[..] {
        [minute, hour, day, month, "*"] => [month, day, hour, minute].map(number),
        _ => [None; 4],
    };
    let [Some(month), Some(day), Some(hour), Some(minute)] = time else {
        return Err(format!("trigger cron: {name} {schedule:?} is not understood; expected minute hour day month *"));
    };
    Ok([month, day, hour, minute])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn one_is_active_in_its_window_only() {
        let summer = Trigger::cron("0 0 1 6 *", "30 12 1 9 *");
        for (time, active) in [
            ("2026-05-31T23:59:59Z", false),
            ("2026-06-01T00:00:00Z", true),
            ("2026-09-01T12:29:59Z", true),
            ("2026-09-01T12:30:00Z", false),
        ] {
            assert_eq!(is_active(&summer, at(time)), Ok(active), "{time}");
            let winter = Trigger::cron("30 12 1 9 *", "0 0 1 6 *");
            assert_eq!(is_active(&winter, at(time)), Ok(!active), "{time}");
        }
    }

    #[test]
    fn the_usual_ones_are_what_they_are_called_all_year() {
        for time in ["2026-01-01T00:00:00Z", "2026-07-15T12:00:00Z", "2026-12-31T23:58:59Z"] {
            assert_eq!(is_active(&Trigger::active(), at(time)), Ok(true), "{time}");
            assert_eq!(is_active(&Trigger::inactive(), at(time)), Ok(false), "{time}");
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let now = at("2026-07-15T12:00:00Z");
        let cpu = Trigger { kind: "cpu".to_owned(), ..Trigger::default() };
        assert_eq!(is_active(&cpu, now).unwrap_err(), "trigger cpu: not understood; expected cron");
        let hourly = Trigger::cron("0 * * * *", "30 * * * *");
        assert_eq!(
            is_active(&hourly, now).unwrap_err(),
            "trigger cron: start \"0 * * * *\" is not understood; expected minute hour day month *"
        );
        let mut elsewhere = Trigger::active();
        elsewhere.metadata.insert("timezone".to_owned(), "Europe/Berlin".to_owned());
        assert_eq!(
            is_active(&elsewhere, now).unwrap_err(),
            "trigger cron: timezone Europe/Berlin is not understood; expected UTC"
        );
        elsewhere.metadata.remove("timezone");
        assert_eq!(is_active(&elsewhere, now).unwrap_err(), "trigger cron: timezone is missing");
    }
}
