//! The page on a compiled network.

use anyhow::Result;
use tachograph_compile::{Basis, How, Plan, Step, Whole};
use tachograph_program::Form;
use tachograph_report::{PlanPage, PlanRow};

use super::{plans::Ran, race::Raced};
use crate::table;

pub fn html(plan: &Plan, raced: &Raced, plans: &[Ran]) -> Result<String> {
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let mut facts = vec![
        fact("a run", format!("{:.3} ms on {}", raced.ms, table::counted(plan.threads as usize, "thread"))),
        fact("predicted", format!("{:.3} ms", plan.predicted_ms())),
    ];
    facts.extend(raced.default_ms.map(|ms| fact("default plan", format!("{ms:.3} ms, gain {:.2}", ms / raced.ms))));
    let whole = |ran: &Ran| {
        let Whole { ms, predicted_ms } = ran.whole;
        fact(&format!("plan by {}", ran.by), format!("{ms:.3} ms, predicted {predicted_ms:.3}"))
    };
    facts.extend(plans.iter().map(whole));
    facts.push(fact("weights", format!("{:.1} MB", plan.weight_bytes as f64 / 1e6)));
    facts.push(fact("beside them", format!("{:.1} MB", plan.arena_bytes as f64 / 1e6)));
    facts.push(fact("compiler", plan.compiler.clone()));
    let default = |step: &Step| {
        let own: f64 = raced.default_steps.iter().filter(|(group, _)| *group == step.group).map(|(_, ms)| ms).sum();
        (own > 0.0 && step.run != How::Copy).then_some(own)
    };
    let row = |step: &Step| PlanRow {
        group: step.group,
        what: step.operators.clone(),
        how: how(step),
        predicted_ms: step.predicted_ms,
        from: from(step).into(),
        ms: step.ms,
        default_ms: default(step),
        schedule: match &step.run {
            How::Kernel { schedule, .. } => schedule.to_string(),
            How::Copy => String::new(),
        },
    };
    let refused = plan.steps.iter().filter_map(|step| match &step.run {
        How::Kernel { refused: Some(why), .. } => Some(format!("group {}: not as chosen: {why}", step.group)),
        _ => None,
    });
    let page = PlanPage {
        title: format!("{}, compiled", plan.model),
        facts,
        warnings: refused.collect(),
        rows: plan.steps.iter().map(row).collect(),
    };
    Ok(page.to_html()?)
}

/// How a step is run, in a few words.
fn how(step: &Step) -> String {
    match &step.run {
        How::Copy => "copy into another order".into(),
        How::Kernel { refused: Some(_), .. } => "plain loops: the compiler refused what was chosen".into(),
        How::Kernel { schedule, .. } if schedule.steps.is_empty() => "plain loops".into(),
        How::Kernel { form: Form::Direct, schedule, .. } => format!("direct, {} steps", schedule.steps.len()),
        How::Kernel { form: Form::WinogradF2, schedule, .. } => {
            format!("Winograd F(2,3), {} steps", schedule.steps.len())
        }
        How::Kernel { form: Form::WinogradF4, schedule, .. } => {
            format!("Winograd F(4,3), {} steps", schedule.steps.len())
        }
    }
}

fn from(step: &Step) -> &'static str {
    match step.basis {
        Basis::InNetwork => "the network",
        Basis::Alone => "alone",
        Basis::Formula => "formula",
    }
}

/// A row of a table.
pub fn row(step: &Step) -> [String; 6] {
    let ms = |ms: f64| format!("{ms:.4}");
    [step.group.to_string(), step.operators.clone(), how(step), ms(step.predicted_ms), from(step).into(), ms(step.ms)]
}
