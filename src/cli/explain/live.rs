//! `explain --live`: the same page, as the running server explains it, which knows what is coming back, who is full and
//! what feeds have said.

use super::Args;
use crate::cli::api::{Api, Failure};
use crate::control::explain::Explanation;

/// Where the server explains.
const EXPLAIN: &str = "/api/v1/explain";

/// Asks the server what the arguments ask; the JSON as it came, and the same read.
pub(super) async fn ask(args: &Args, api: &Api) -> Result<(String, Explanation), Failure> {
    let (name, rtype) = (args.name.to_string(), args.rtype.to_string());
    let (client, seed) = (args.client.to_string(), args.seed.to_string());
    let resolver = args.resolver.map(|resolver| resolver.to_string());
    let mut query =
        vec![("name", &*name), ("type", &*rtype), ("client", &*client), ("seed", &*seed)];
    query.extend(resolver.as_deref().map(|resolver| ("resolver", resolver)));
    let json = api.get_text(EXPLAIN, &query).await?;
    let explanation = api.decode(EXPLAIN, &json).await?;
    Ok((json, explanation))
}
