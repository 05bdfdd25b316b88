//! Work on a thread and a runtime of its own: the runtimes of tests come and go with the test that made them, and a test may block its own.

use std::io;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

/// Work that goes on until this is dropped. It ends at once then, and so does every task that it has spawned.
#[derive(Debug)]
pub struct Worker {
    running: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Begins in the context of the new runtime, and comes back when that is done; what it answers with is the work.
    ///
    /// # Errors
    /// When there is no thread or runtime for it, or the beginning fails.
    pub async fn start<Work: Future, E: From<io::Error> + Send + 'static>(
        name: &'static str,
        begin: impl FnOnce() -> Result<Work, E> + Send + 'static,
    ) -> Result<Self, E> {
        let (running, ended) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(begin, ended, tell))?;
        // From here on its end is that of the thread.
        let worker = Self { running: Some(running), thread: Some(thread) };
        told.await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::BrokenPipe).into()))?;
        Ok(worker)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.running.take());
        // It ends at once. If it panicked, nothing of it is left either.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The thread. Its runtime ends with it, and so does everything on it.
fn run<Work: Future, E: From<io::Error>>(
    begin: impl FnOnce() -> Result<Work, E>,
    ended: oneshot::Receiver<()>,
    tell: oneshot::Sender<Result<(), E>>,
) {
    let begin = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let context = runtime.enter();
        let work = begin()?;
        drop(context);
        Ok((runtime, work))
    };
    match begin() {
        // If nobody hears it, nobody waits for the work either.
        Err(error) => drop(tell.send(Err(error))),
        Ok((runtime, work)) => {
            let _ = tell.send(Ok(()));
            runtime.block_on(async {
                tokio::select! {
                    _ = work => {}
                    _ = ended => {}
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn work_ends_with_its_handle_and_so_do_its_tasks() {
        let (held, mut gone) = tokio::sync::mpsc::channel::<()>(1);
        let begin = move || {
            tokio::spawn(async move {
                let _held = held;
                pending::<()>().await;
            });
            Ok::<_, io::Error>(pending::<()>())
        };
        let worker = Worker::start("work", begin).await.unwrap();
        assert!(gone.try_recv().is_err_and(|error| error == tokio::sync::mpsc::error::TryRecvError::Empty));
        drop(worker);
        assert_eq!(gone.recv().await, None);
    }

    #[tokio::test]
    async fn a_beginning_that_fails_or_panics_is_told() {
        let refuse = || Err::<std::future::Ready<()>, _>(io::Error::other("no"));
        assert_eq!(Worker::start("work", refuse).await.unwrap_err().to_string(), "no");
        let panic = || -> Result<std::future::Ready<()>, io::Error> { panic!("no") };
        assert_eq!(Worker::start("work", panic).await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
