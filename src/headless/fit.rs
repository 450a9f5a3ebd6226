//! `--dry-run`: does it fit, and what would it cost? Loads the model for its tokeniser and reads nothing.

use std::sync::Arc;

use serde::Serialize;

use super::report::{RecipeReport, bytes, rounded};
use super::voice::seconds;
use super::{Session, Voice};
use crate::engine::message::{ContextSize, Plan};
use crate::exit::{Exit, Trouble};
use crate::settings::Output;

/// What the first question would take.
#[derive(Debug, Serialize)]
struct Fit<'a> {
    fits: bool,
    tokens: FitTokens,
    /// What the context may hold at most: `-c`, or what the model was trained for.
    limit_tokens: u32,
    kv_bytes: u64,
    kv_bytes_per_token: u64,
    model_bytes: u64,
    /// Null when nothing was measured on this machine yet.
    predicted_s: Option<f64>,
    preset: &'a str,
    recipe: RecipeReport,
    model: &'a str,
    documents: &'a [String],
}

#[derive(Debug, Serialize)]
struct FitTokens {
    document: u32,
    prompt: u32,
    /// Prompt and answer.
    needed: u32,
}

impl Session<'_> {
    /// Says whether the first question fits; exit code 4 when it does not.
    pub(super) async fn say_fit(&mut self, voice: &mut Voice<'_>) -> Result<Exit, Trouble> {
        let question = self.settings.questions.first().map(|question| Arc::from(question.as_str()));
        let (prompt, _) = self.prompt(&self.document, question.as_ref())?;
        let plan = self.talk.forecast(prompt, self.chosen.recipe.clone()).await?;
        let fit = self.fit(&plan);
        if self.headless.output == Output::Text {
            voice.data(&in_words(&fit, &plan))?;
        } else {
            voice.object(&fit)?;
        }
        Ok(if fit.fits { Exit::Ok } else { Exit::DoesNotFit })
    }

    /// Most tokens that a prompt and its answer may have.
    pub(super) fn context_limit(&self) -> u32 {
        self.settings.engine.context.limit(self.model.train_context_tokens)
    }

    fn fit(&self, plan: &Plan) -> Fit<'_> {
        // A token of answer at least; the whole reserve is a wish.
        let answer = self.settings.limits.max_tokens.unwrap_or(self.settings.engine.reserve_tokens);
        let needed = plan.prompt_tokens.saturating_add(answer);
        let limit_tokens = self.context_limit();
        let context = match self.settings.engine.context {
            ContextSize::Tokens(tokens) => tokens,
            ContextSize::Fit => needed.min(limit_tokens),
        };
        Fit {
            fits: plan.prompt_tokens < limit_tokens,
            tokens: FitTokens { document: plan.document_tokens, prompt: plan.prompt_tokens, needed },
            limit_tokens,
            kv_bytes: u64::from(context) * self.model.kv_bytes_per_token,
            kv_bytes_per_token: self.model.kv_bytes_per_token,
            model_bytes: self.model.model_bytes,
            predicted_s: plan.predicted.map(|time| rounded(time.as_secs_f64())),
            preset: &self.chosen.name,
            recipe: (&plan.recipe).into(),
            model: &self.model.name,
            documents: &self.names,
        }
    }
}

fn in_words(fit: &Fit, plan: &Plan) -> String {
    let verdict = match (fit.fits, fit.tokens.needed <= fit.limit_tokens) {
        (true, true) => "it fits".to_owned(),
        (true, false) => format!("it fits, with {} tokens for the answer", fit.limit_tokens - fit.tokens.prompt),
        (false, _) => format!("it does not fit: {} tokens too many", fit.tokens.prompt + 1 - fit.limit_tokens),
    };
    let time = plan
        .predicted
        .map_or("not known before anything was read".to_owned(), |time| format!("about {}", seconds(time)));
    format!(
        "tokens   {} of document, {} of prompt, {} with the answer; {} has room for {}\n\
         memory   KV {} at {} a token · model {}\n\
         preset   {}: {}\n\
         reading  {time}\n\
         {verdict}\n",
        fit.tokens.document,
        fit.tokens.prompt,
        fit.tokens.needed,
        fit.model,
        fit.limit_tokens,
        bytes(fit.kv_bytes),
        bytes(fit.kv_bytes_per_token),
        bytes(fit.model_bytes),
        fit.preset,
        plan.recipe,
    )
}
