//! A sketch on the way, beside the state that its steps have made of the workload.

use super::{Decision, Open, Sketch};
use crate::{BufferId, Error, Result, State, Step, Workload};

/// Steps and decisions so far.
#[derive(Clone)]
pub(super) struct Draft {
    pub sketch: Sketch,
    pub state: State,
}

impl Draft {
    pub fn new(name: &str, workload: &Workload) -> Self {
        let sketch = Sketch { name: name.into(), decisions: Vec::new(), steps: Vec::new() };
        Self { sketch, state: State::new(workload.clone()) }
    }

    /// What a buffer is called.
    pub fn name(&self, id: BufferId) -> String {
        self.state.workload().buffer(id).name.clone()
    }

    /// A step without anything open.
    pub fn take(&mut self, step: Step) -> Result<()> {
        self.try_on(&step)?;
        self.sketch.steps.push(Open::Step(step));
        Ok(())
    }

    /// Takes a step on the state alone, where it stands for one that is open.
    pub fn try_on(&mut self, step: &Step) -> Result<()> {
        let at = self.sketch.steps.len();
        self.state.apply(step).map_err(|message| Error::Step { step: at, text: step.to_string(), message })
    }

    /// Opens a decision; says its number.
    pub fn decide(&mut self, decision: Decision) -> usize {
        self.sketch.decisions.push(decision);
        self.sketch.decisions.len() - 1
    }

    /// Steps of which one list is taken. All options must leave loops of the same names.
    pub fn either(&mut self, name: impl Into<String>, options: Vec<(String, Vec<Step>)>) {
        let (words, steps) = options.into_iter().unzip();
        let category = self.decide(Decision::Category { name: name.into(), options: words });
        self.sketch.steps.push(Open::Either { category, options: steps });
    }
}
