//! Waking those that wait: by PostgreSQL's notifications, and within the process.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{PgPool, postgres::PgListener};

/// Rings when jobs may have changed.
#[derive(Default)]
pub(crate) struct Bell {
    rung: Mutex<u64>,
    woken: Condvar,
}

impl Bell {
    /// How often it has rung.
    pub fn rung(&self) -> u64 {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.woken.notify_all();
    }

    /// Waits until it has rung more often than that, or for so long.
    pub fn wait(&self, seen: u64, limit: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.woken.wait_timeout_while(rung, limit, |rung| *rung == seen));
    }
}

/// Rings `bell` with every notification, for as long as the store lives.
pub(crate) async fn listen(pool: PgPool, bell: Arc<Bell>) {
    while !pool.is_closed() {
        if let Ok(mut listener) = PgListener::connect_with(&pool).await
            && listener.listen_all(["tachograph_queued", "tachograph_ended"]).await.is_ok()
        {
            // What was notified while nobody listened is found by looking.
            bell.ring();
            // `None` says that the connection was cut.
            while let Ok(Some(_)) = listener.try_recv().await {
                bell.ring();
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
