//! Ctrl-C: the first asks the run to end, a second one or two seconds end the process.
//!
//! Ending it hard loses nothing that was finished: results are committed by renaming, last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::ui::Ui;

/// How long a run may take to end by itself.
const PATIENCE: Duration = Duration::from_millis(1700);

/// Sets `stop` on the first signal, from a thread of its own.
///
/// Where signals can't be watched, they keep their usual effect.
pub(super) fn watch(stop: Arc<AtomicBool>, ui: Ui) {
    let spawned = std::thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime {
            runtime.block_on(wait(&stop, ui));
        }
    });
    drop(spawned);
}

async fn wait(stop: &AtomicBool, ui: Ui) {
    if signal().await.is_err() {
        return;
    }
    stop.store(true, Ordering::SeqCst);
    ui.say("stopping; what is finished stays in the cache (Ctrl-C again ends at once)\n");
    tokio::select! {
        _ = signal() => {}
        () = tokio::time::sleep(PATIENCE) => {}
    }
    ui.say("ended before every stage could\n");
    std::process::exit(i32::from(super::Exit::Failed as u8));
}

/// Waits for the user, or for a supervisor, to ask for an end.
async fn signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
