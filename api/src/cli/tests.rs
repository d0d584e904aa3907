use clap::CommandFactory;

use super::*;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn the_configuration_may_be_named_after_the_command() {
    let cli = Cli::try_parse_from(["tandem", "events", "export", "--tenant", "t", "--config", "x.toml"]).unwrap();
    assert_eq!(cli.config.as_deref(), Some(Path::new("x.toml")));
    Cli::try_parse_from(["tandem", "phone", "import", "p.csv", "--tenant", "t", "--url", "http://x:1"]).unwrap();
    assert!(Cli::try_parse_from(["tandem", "tenant", "add", "Not Good"]).unwrap_err().to_string().contains("Not Good"));
}

#[tokio::test]
async fn a_server_that_is_not_running_is_named_with_the_way_out() {
    let client = Client::with("http://127.0.0.1:1", "token").unwrap();
    let error = client.get::<serde_json::Value>("/api/v1/tenants").await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("http://127.0.0.1:1") && text.contains("tandem serve"), "{text}");
    assert_eq!(Failure::from(error).code(), 4);
    assert!(Client::with("https://x", "t").is_err());
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words() {
    let node = crate::http::testing::node().await;
    let server = crate::http::serve_http(node.state.clone()).await.unwrap();
    let client = Client::with(&format!("http://{}", server.addr()), &node.token).unwrap();
    let error = client.get::<serde_json::Value>("/api/v1/tenants/none").await.unwrap_err();
    assert!(error.to_string().contains("there is no tenant `none`"), "{error}");
    assert_eq!(Failure::from(error).code(), 5);
    server.stop().await;
}
