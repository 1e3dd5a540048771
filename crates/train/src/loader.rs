//! Batches prepared on a thread of their own.

use std::{panic::resume_unwind, sync::mpsc::sync_channel, thread, time::Instant};

use crate::Result;

/// Batches that may lie ready.
const AHEAD: usize = 2;

/// Gives `consume` what `make` makes of each part of `plan`, one by one and in order, with the seconds that were waited
/// for it, while the next ones are made on a thread beside it.
///
/// # Errors
/// The first of `make` or `consume`.
///
/// # Panics
/// With the panic of `make`, if there is one: it is a bug, and no less one for happening on another thread.
pub(crate) fn with_batches<P: Send, B: Send>(
    plan: Vec<P>,
    make: impl Fn(P) -> Result<B> + Send,
    mut consume: impl FnMut(B, f64) -> Result<()>,
) -> Result<()> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        let producer = scope.spawn(move || {
            for members in plan {
                if sender.send(make(members)).is_err() {
                    // The consumer has gone.
                    break;
                }
            }
        });
        let mut asked = Instant::now();
        let outcome = receiver.iter().try_for_each(|ready| {
            consume(ready?, asked.elapsed().as_secs_f64())?;
            asked = Instant::now();
            Ok(())
        });
        // The producer may be waiting for room in the channel; without a receiver it ends.
        drop(receiver);
        match producer.join() {
            Ok(()) => outcome,
            Err(panic) => resume_unwind(panic),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::Error;

    fn plan() -> Vec<Vec<usize>> {
        (0..9).map(|i| vec![i]).collect()
    }

    #[test]
    fn batches_come_in_order_and_the_first_error_ends_them() {
        let mut seen = vec![];
        let keep = |batch: Vec<usize>, _| {
            seen.extend(batch);
            Ok(())
        };
        with_batches(plan(), Ok, keep).unwrap();
        assert_eq!(seen, (0..9).collect::<Vec<_>>());
        let refuse = |what: &str| Error::NothingMeasured { what: what.into() };
        // By then the producer waits for room in the channel.
        let error = with_batches(plan(), Ok, |_, _| Err(refuse("consumer"))).unwrap_err();
        assert_eq!(error.to_string(), "consumer: nothing was measured");
        let make = |members: Vec<usize>| if members == [4] { Err(refuse("producer")) } else { Ok(members) };
        let error = with_batches(plan(), make, |_, _| Ok(())).unwrap_err();
        assert_eq!(error.to_string(), "producer: nothing was measured");
    }

    #[test]
    fn a_panic_of_the_thread_goes_on_in_the_caller() {
        let make = |members: Vec<usize>| if members == [4] { panic!("a bug in a featuriser") } else { Ok(members) };
        let run = || with_batches(plan(), make, |_, _| Ok(()));
        let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"a bug in a featuriser"));
    }
}
