//! Requests with names: the same one makes one run.

use conductor_core::ports::RunStore;
use conductor_core::run::Run;
use conductor_grpc::Limits;
use conductor_proto::v1;
use tonic::Code;
use tonic_types::StatusExt;

use crate::bed::{Bed, Callers, by, door, load_test, long_load_test};

#[tokio::test]
async fn the_same_request_makes_one_run_and_a_used_name_is_refused_for_another_load_test() {
    let callers = Callers::with(&["operator@model"]);
    let token = Some(callers.token("operator@model"));
    let mut bed = Bed::behind(door(callers.access()), Limits::default()).await;
    let request = |load_test, id: &str| {
        by(token, v1::StartLoadTestRequest { load_test: Some(load_test), request_id: id.to_owned() })
    };
    let first = bed.client.start_load_test(request(long_load_test(), "r-1")).await.unwrap().into_inner().run.unwrap();
    let again = bed.client.start_load_test(request(long_load_test(), "r-1")).await.unwrap().into_inner().run.unwrap();
    assert_eq!(again.id, first.id);
    let other = bed.client.start_load_test(request(load_test(), "r-1")).await.unwrap_err();
    let text = "request r-1 has made a run of another load test; expected an id that was not used before";
    assert_eq!((other.code(), other.message()), (Code::AlreadyExists, text));
    assert_eq!(other.get_details_resource_info().unwrap().resource_name, "r-1");
    for odd in ["with spaces", "ä", &"x".repeat(129)] {
        let status = bed.client.start_load_test(request(long_load_test(), odd)).await.unwrap_err();
        let found = status.get_details_bad_request().unwrap().field_violations.remove(0);
        let text = format!(
            "a text of {} bytes is not the id of a request; expected 1 to 128 visible ASCII characters, such as a UUID",
            odd.len()
        );
        assert_eq!((status.code(), found.field.as_str()), (Code::InvalidArgument, "requestId"));
        assert_eq!(found.description, text);
    }

    bed.client.stop_load_test(by(token, v1::StopLoadTestRequest { id: first.id.clone() })).await.unwrap();
    bed.watched_by(token, &first.id, 0).await;
    let after = bed.client.start_load_test(request(long_load_test(), "r-1")).await.unwrap().into_inner().run.unwrap();
    assert_eq!(after.id, first.id, "it is the same when the run has ended");
    let runs = bed.store.runs().await.unwrap();
    assert_eq!(runs.len(), 1);
    let begun = Run::begin(&bed.store.journal(&runs[0].id, 0).await.unwrap()[0]).unwrap();
    assert_eq!(begun.created.by.as_deref(), Some("operator@model"), "the run says who has asked for it");
    let unnamed = bed.client.start_load_test(request(long_load_test(), "")).await.unwrap().into_inner().run.unwrap();
    assert_ne!(unnamed.id, first.id);
}
