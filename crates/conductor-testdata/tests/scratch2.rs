use sqlx::{AssertSqlSafe, Column, ConnectOptions, Row, ValueRef};
#[tokio::test]
async fn scratch() {
    let mut c = sqlx::mysql::MySqlConnectOptions::new()
        .socket(std::env::var("SOCK").unwrap())
        .username("root")
        .ssl_mode(sqlx::mysql::MySqlSslMode::Disabled)
        .connect()
        .await
        .unwrap();
    for line in std::fs::read_to_string("/tmp/t-http/scratch2.sql").unwrap().split(";;\n") {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        println!("> {}", &line[..line.len().min(160)]);
        let begun = std::time::Instant::now();
        match sqlx::raw_sql(AssertSqlSafe(line.to_owned())).fetch_all(&mut c).await {
            Err(e) => println!("  ! {e}"),
            Ok(rows) => {
                for row in rows {
                    let t: Vec<String> = (0..row.len())
                        .map(|i| {
                            let r = row.try_get_raw(i).unwrap();
                            if r.is_null() {
                                return "NULL".into();
                            }
                            let b: &[u8] = row.try_get_unchecked(i).unwrap();
                            format!("{}={}", row.column(i).name(), String::from_utf8_lossy(b))
                        })
                        .collect();
                    println!("  {}", t.join(" | "));
                }
            }
        }
    }
}
