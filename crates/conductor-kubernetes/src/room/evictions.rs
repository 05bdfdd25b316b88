//! PodDisruptionBudgets that let no pod be evicted. They are in the way of neither scaling nor rollouts, which evict nothing,
//! but nodes that run such pods cannot be drained: those that come for a test stay after it.

use conductor_core::capacity::Shortage;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

/// Budgets that are named; the others are counted.
const NAMED: usize = 5;

/// Tells of all such budgets at once: there may be one for each application.
pub(super) fn without_evictions(budgets: &[PodDisruptionBudget]) -> Option<Shortage> {
    let strict: Vec<String> = budgets.iter().filter(|budget| allows_none(budget)).map(called).collect();
    let named = strict.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let (them, pods) = match strict.len() {
        0 => return None,
        1 => (format!("PodDisruptionBudget {named} lets"), "its pods"),
        count if count <= NAMED => (format!("{count} PodDisruptionBudgets ({named}) let"), "their pods"),
        count => (format!("{count} PodDisruptionBudgets ({named} and {} more) let", count - NAMED), "their pods"),
    };
    let message = format!(
        "{them} none of {pods} be evicted: no node that runs one can be drained, nor be taken away after the run"
    );
    Some(Shortage { is_final: false, message })
}

/// True where all pods are healthy and none may go. One that waits for an unhealthy pod is only at it for now.
fn allows_none(budget: &PodDisruptionBudget) -> bool {
    budget.status.as_ref().is_some_and(|status| {
        status.expected_pods > Some(0)
            && status.disruptions_allowed == Some(0)
            && status.current_healthy >= status.expected_pods
    })
}

fn called(budget: &PodDisruptionBudget) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    format!("{}/{}", text(&budget.metadata.namespace), text(&budget.metadata.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(name: &str, expected: i32, healthy: i32, allowed: i32) -> PodDisruptionBudget {
        serde_saphyr::from_str(&format!(
            "{{ metadata: {{ namespace: shop, name: {name} }}, status: {{ expectedPods: {expected}, currentHealthy: {healthy}, \
               desiredHealthy: {expected}, disruptionsAllowed: {allowed} }} }}"
        ))
        .unwrap()
    }

    fn told(budgets: &[PodDisruptionBudget]) -> Option<String> {
        without_evictions(budgets).map(|shortage| {
            assert!(!shortage.is_final);
            shortage.message
        })
    }

    #[test]
    fn a_budget_that_lets_pods_go_or_has_none_or_waits_for_one_is_fine() {
        assert_eq!(told(&[budget("free", 3, 3, 1), budget("empty", 0, 0, 0), budget("waits", 3, 2, 0)]), None);
        let without_status = PodDisruptionBudget { status: None, ..budget("new", 1, 1, 0) };
        assert_eq!(told(&[without_status]), None);
    }

    #[test]
    fn budgets_that_let_none_go_are_told_in_one_sentence() {
        let end = "no node that runs one can be drained, nor be taken away after the run";
        assert_eq!(
            told(&[budget("free", 3, 3, 1), budget("cart", 2, 2, 0)]).unwrap(),
            format!("PodDisruptionBudget shop/cart lets none of its pods be evicted: {end}")
        );
        let many: Vec<_> = (1..=7).map(|number| budget(&format!("b{number}"), 1, 1, 0)).collect();
        assert_eq!(
            told(&many[..2]).unwrap(),
            format!("2 PodDisruptionBudgets (shop/b1, shop/b2) let none of their pods be evicted: {end}")
        );
        assert_eq!(
            told(&many).unwrap(),
            format!(
                "7 PodDisruptionBudgets (shop/b1, shop/b2, shop/b3, shop/b4, shop/b5 and 2 more) let none of their pods be evicted: {end}"
            )
        );
    }
}
