//! The table of leases: who holds an environment, until when by the server's clock, and by which epoch.

use std::time::Duration;

use conductor_core::ports::Holder;
use sqlx::PgConnection;

/// Why a lease is not that of its epoch any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// Somebody else has taken it: this is who did last.
    TakenBy(String),
    /// There is nothing of it in the table any more.
    Gone,
}

/// Takes the lease of an environment when there is none, or when it has expired, and answers with its epoch: higher than any
/// before.
pub(super) async fn take(
    connection: &mut PgConnection,
    environment: &str,
    holder: &str,
    time: Duration,
) -> Result<Result<i64, Holder>, sqlx::Error> {
    // The clock is read after whatever has to be waited for: an append that holds the row, or another who takes it.
    let take = "INSERT INTO leases AS known (environment, holder, epoch, expires)
        VALUES ($1, $2, 1, clock_timestamp() + $3 * interval '1 millisecond')
        ON CONFLICT (environment) DO UPDATE
        SET holder = excluded.holder, epoch = known.epoch + 1, expires = clock_timestamp() + $3 * interval '1 millisecond'
        WHERE known.expires <= clock_timestamp()
        RETURNING epoch";
    let look = "SELECT holder, to_char(expires AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') FROM leases
        WHERE environment = $1 AND expires > clock_timestamp()";
    loop {
        let taken = sqlx::query_scalar(take).bind(environment).bind(holder).bind(milliseconds(time));
        if let Some(epoch) = taken.fetch_optional(&mut *connection).await? {
            return Ok(Ok(epoch));
        }
        // It may expire between the two; then it is taken after all.
        let other: Option<(String, String)> =
            sqlx::query_as(look).bind(environment).fetch_optional(&mut *connection).await?;
        if let Some((name, until)) = other {
            return Ok(Err(Holder { name, until: Some(format!("{until} UTC")) }));
        }
    }
}

/// Lets a lease last for `time` from now, if it is still the one of this epoch.
pub(super) async fn renew(
    connection: &mut PgConnection,
    environment: &str,
    epoch: i64,
    time: Duration,
) -> Result<Result<(), Loss>, sqlx::Error> {
    // A renewal that arrives late, over a connection that was given up, must not revive what was given back.
    let renew = "UPDATE leases SET expires = clock_timestamp() + $3 * interval '1 millisecond'
        WHERE environment = $1 AND epoch = $2 AND expires > '-infinity'";
    let renewed = sqlx::query(renew).bind(environment).bind(epoch).bind(milliseconds(time));
    if renewed.execute(&mut *connection).await?.rows_affected() == 1 {
        return Ok(Ok(()));
    }
    let look = "SELECT epoch, holder FROM leases WHERE environment = $1";
    let found = sqlx::query_as(look).bind(environment).fetch_optional(connection).await?;
    Ok(Err(standing(found, epoch).err().unwrap_or(Loss::Gone)))
}

/// Looks at a lease and keeps it from being taken until the transaction ends, whether it has expired or not.
pub(super) async fn look_and_hold(
    transaction: &mut PgConnection,
    environment: &str,
    epoch: i64,
) -> Result<Result<(), Loss>, sqlx::Error> {
    let look = "SELECT epoch, holder FROM leases WHERE environment = $1 FOR SHARE";
    let found = sqlx::query_as(look).bind(environment).fetch_optional(transaction).await?;
    Ok(standing(found, epoch))
}

/// Ends a lease, if it is still the one of this epoch.
pub(super) async fn give_back(connection: &mut PgConnection, environment: &str, epoch: i64) -> Result<(), sqlx::Error> {
    let end = "UPDATE leases SET expires = '-infinity' WHERE environment = $1 AND epoch = $2";
    sqlx::query(end).bind(environment).bind(epoch).execute(connection).await?;
    Ok(())
}

/// Whether the row that was found is the lease's own.
fn standing(found: Option<(i64, String)>, epoch: i64) -> Result<(), Loss> {
    match found {
        Some((present, _)) if present == epoch => Ok(()),
        Some((_, holder)) => Err(Loss::TakenBy(holder)),
        None => Err(Loss::Gone),
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
