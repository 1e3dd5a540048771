//! A long-lived process of a tool that answers lines of JSON with lines of JSON.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Limits, Result};

/// A tool: its name and its side of the conversation, a Python program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    pub name: &'static str,
    pub driver: &'static str,
}

/// What is asked.
#[derive(Serialize)]
struct Asked<'a> {
    path: &'a Path,
    options: &'a [Value],
}

/// What is answered.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    /// The version of the tool: the first line of all.
    Ready(String),
    Done(Value),
    Refused(String),
}

/// Longest time for a tool to load.
const START: Duration = Duration::from_secs(120);

/// A process, started again whenever it has ended.
pub(crate) struct Worker<'a> {
    tool: Tool,
    python: &'a Path,
    limits: Limits,
    running: Option<Running>,
}

struct Running {
    child: Child,
    to: ChildStdin,
    from: Receiver<String>,
    version: String,
}

impl<'a> Worker<'a> {
    pub fn new(tool: Tool, python: &'a Path, limits: Limits) -> Self {
        Self { tool, python, limits, running: None }
    }

    /// The version of the tool.
    pub fn version(&mut self) -> Result<String> {
        Ok(self.running()?.version.clone())
    }

    /// Asks about one file. A process that ends, or takes longer than the limit, has refused it.
    pub fn ask(&mut self, path: &Path, options: &[Value]) -> Result<Answer> {
        let limit = self.limits.time;
        let running = self.running()?;
        let line = serde_json::to_string(&Asked { path, options }).unwrap_or_default() + "\n";
        let written = running.to.write_all(line.as_bytes()).and_then(|()| running.to.flush());
        let answer = match written {
            Ok(()) => running.from.recv_timeout(limit),
            Err(_) => Err(RecvTimeoutError::Disconnected),
        };
        let name = self.tool.name;
        let why = match answer.as_deref().map(serde_json::from_str) {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => format!("{name} answered what is no answer ({error})"),
            Err(RecvTimeoutError::Timeout) => format!("{name} took longer than {} s", limit.as_secs()),
            Err(RecvTimeoutError::Disconnected) => format!("{name} crashed ({})", self.ended()),
        };
        self.stop();
        Ok(Answer::Refused(why))
    }

    fn running(&mut self) -> Result<&mut Running> {
        if self.running.is_none() {
            self.running = Some(self.start()?);
        }
        let none = || Error::Start { tool: self.tool.name, message: "it is not running".into() };
        self.running.as_mut().ok_or_else(none)
    }

    fn start(&self) -> Result<Running> {
        let fail = |message: String| Error::Start { tool: self.tool.name, message };
        let memory = self.limits.memory.to_string();
        let mut command = Command::new(self.python);
        command.args(["-c", self.tool.driver, &memory]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| fail(format!("{}: {e}", self.python.display())))?;
        let (Some(to), Some(out)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(fail("no pipes to it".into()));
        };
        let (send, from) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(out).lines().map_while(std::result::Result::ok);
            for line in lines {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let mut running = Running { child, to, from, version: String::new() };
        match running.from.recv_timeout(START).ok().map(|line| serde_json::from_str(&line)) {
            Some(Ok(Answer::Ready(version))) => running.version = version,
            answer => {
                running.child.kill().ok();
                running.child.wait().ok();
                return Err(fail(format!("it did not say that it is ready ({answer:?})")));
            }
        }
        Ok(running)
    }

    fn ended(&mut self) -> String {
        let status = self.running.as_mut().and_then(|running| running.child.wait().ok());
        status.map_or("for no known reason".into(), |status| status.to_string())
    }

    fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.child.kill().ok();
            running.child.wait().ok();
        }
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with the options; crashes, hangs and babbles where the file is called that.
    const DRIVER: &str = r#"
import json, os, sys, time
print(json.dumps({"ready": "1." + sys.argv[1]}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    name = asked["path"]
    if name == "crash": os.abort()
    if name == "hang": time.sleep(60)
    if name == "babble": print("hello", flush=True); continue
    print(json.dumps({"done": [os.getpid(), asked["options"]]}), flush=True)
"#;

    #[test]
    fn survives_what_crashes_hangs_and_babbles() {
        let limits = Limits { time: Duration::from_millis(800), memory: 7 };
        let mut worker = Worker::new(Tool { name: "tool", driver: DRIVER }, Path::new("python3"), limits);
        assert_eq!(worker.version().unwrap(), "1.7");
        let mut ask = |name: &str| worker.ask(Path::new(name), &[Value::from("x"), Value::from(3)]).unwrap();
        let pid = |name: &str, ask: &mut dyn FnMut(&str) -> Answer| match ask(name) {
            Answer::Done(value) => {
                assert_eq!(value[1], serde_json::json!(["x", 3]));
                value[0].as_u64().unwrap()
            }
            other => panic!("{other:?}"),
        };
        // One process for all, until it ends.
        let first = pid("a", &mut ask);
        assert_eq!(pid("b", &mut ask), first);
        for (name, expected) in [("crash", "crashed"), ("hang", "longer than 0 s"), ("babble", "no answer")] {
            let Answer::Refused(why) = ask(name) else { panic!("{name} was answered") };
            assert!(why.contains(expected), "{why}");
            assert_ne!(pid("c", &mut ask), first);
        }
    }

    #[test]
    fn a_tool_that_does_not_start_is_an_error() {
        let limits = Limits::default();
        let mut worker = Worker::new(Tool { name: "tool", driver: "exit(3)" }, Path::new("python3"), limits);
        let message = worker.ask(Path::new("a"), &[]).unwrap_err().to_string();
        assert!(message.starts_with("starting tool: it did not say"), "{message}");
    }
}
