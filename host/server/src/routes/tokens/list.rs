//! `GET /api/tokens`: who may do what.

use axum::Json;
use serde::{Deserialize, Serialize};
use switchboard_service::TokenView;
use utoipa::{IntoParams, ToSchema};

use crate::auth::May;
use crate::auth::scope::Admin;
use crate::extract::{Limit, Query};
use crate::problem::Answer;

/// Which tokens, and how many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// How many at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit<1000>,
    /// Only tokens behind this one: `next` of the page before.
    after: Option<String>,
}

/// A page of tokens, in the order in which they were issued.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenList {
    /// Always true.
    success: bool,
    /// The tokens, but for their texts.
    tokens: Vec<TokenView>,
    /// Where the next page begins, as `after`; null when this is the last one.
    next: Option<String>,
}

/// All tokens that have not expired, revoked ones included.
///
/// A token of `switchboard token` is listed once it has been used. Whoever is limited to certain sessions sees the tokens for these.
#[utoipa::path(
    get,
    path = "/api/tokens",
    operation_id = "listTokens",
    tag = "tokens",
    params(Filter),
    responses((status = 200, body = TokenList)),
    security(("bearer" = ["admin"]))
)]
pub(crate) async fn list(may: May<Admin>, Query(filter): Query<Filter>) -> Answer<Json<TokenList>> {
    let page = may
        .service
        .tokens(filter.after.as_deref(), usize::from(filter.limit.get()))?;
    Ok(Json(TokenList {
        success: true,
        tokens: page.tokens,
        next: page.next,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::TestApp;

    #[tokio::test]
    async fn tokens_are_listed_page_by_page() {
        let app = TestApp::new().await;
        for name in ["one", "two"] {
            app.token(json!({"name": name, "scopes": ["admin"]})).await;
        }
        let first = app.get("/api/tokens?limit=2").await.json();
        let next = first["next"].as_str().unwrap();
        let second = app.get(&format!("/api/tokens?limit=2&after={next}")).await.json();
        assert_eq!(second["next"], json!(null));
        let pages = [&first["tokens"], &second["tokens"]].map(|page| page.as_array().unwrap().len());
        assert_eq!(pages, [2, 1]);
    }

    #[tokio::test]
    async fn each_wrong_parameter_is_named() {
        let app = TestApp::new().await;
        for (query, field) in [("limit=0", "limit"), ("after=x", "after"), ("page=2", "page")] {
            app.get(&format!("/api/tokens?{query}"))
                .await
                .failure(400, "invalid_field", Some(field));
        }
    }
}
