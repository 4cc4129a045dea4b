//! The way to the threads that own the connections: a bounded queue, and the news that the threads have ended.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::StoreError;

/// Senders wait once this many messages are queued.
const CAPACITY: usize = 1024;

/// Sends to one or more threads, and can wait for their end.
pub(crate) struct Mailbox<M> {
    // Taken out by `close`: the threads end when it is gone and the queue is empty.
    queue: Mutex<Option<mpsc::Sender<M>>>,
    ended: tokio::sync::Mutex<mpsc::Receiver<()>>,
}

/// Held by a thread for as long as it runs.
pub(crate) type Running = mpsc::Sender<()>;

impl<M> Mailbox<M> {
    /// The mailbox, what its threads receive, and what each of them has to hold.
    pub(crate) fn new() -> (Self, mpsc::Receiver<M>, Running) {
        let (queue, messages) = mpsc::channel(CAPACITY);
        let (running, ended) = mpsc::channel(1);
        (
            Self {
                queue: Mutex::new(Some(queue)),
                ended: tokio::sync::Mutex::new(ended),
            },
            messages,
            running,
        )
    }

    /// Queues `message` behind all that were sent before it.
    pub(crate) async fn send(&self, message: M) -> Result<(), StoreError> {
        let queue = self.queue().clone().ok_or(StoreError::Closed)?;
        queue.send(message).await.map_err(|_| StoreError::Closed)
    }

    /// Takes no more messages, and returns when the threads have handled the last one and ended. May be called again.
    pub(crate) async fn close(&self) {
        drop(self.queue().take());
        // Nothing is ever sent: it answers when every thread has let go of its end.
        while self.ended.lock().await.recv().await.is_some() {}
    }

    fn queue(&self) -> MutexGuard<'_, Option<mpsc::Sender<M>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn closing_waits_for_the_thread_to_handle_what_was_queued() {
        let (mailbox, mut messages, running) = Mailbox::new();
        for number in 0..100 {
            mailbox.send(number).await.unwrap();
        }
        let thread = std::thread::spawn(move || {
            let mut handled = Vec::new();
            while let Some(number) = messages.blocking_recv() {
                handled.push(number);
            }
            drop(running);
            handled
        });
        mailbox.close().await;
        assert_eq!(thread.join().unwrap(), (0..100).collect::<Vec<_>>());
        assert_eq!(mailbox.send(100).await, Err(StoreError::Closed));
        mailbox.close().await;
    }

    #[tokio::test]
    async fn a_thread_that_died_has_closed_the_mailbox() {
        let (mailbox, messages, running) = Mailbox::new();
        drop((messages, running));
        assert_eq!(mailbox.send(1).await, Err(StoreError::Closed));
        mailbox.close().await;
    }
}
