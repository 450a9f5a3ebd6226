//! Bodies: a request's, read up to a limit of size and time, and an answer's, whole or as events.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::sync::mpsc::UnboundedReceiver;

use super::error::ApiError;

/// How long a client may take to send a request's body. 16 MB in this time are 2 Mbit/s.
const PATIENCE: Duration = Duration::from_mins(1);

/// The body of a request.
pub(super) async fn collected(body: Incoming, most_bytes: u64) -> Result<Vec<u8>, ApiError> {
    if body.size_hint().lower() > most_bytes {
        return Err(ApiError::too_large(most_bytes));
    }
    match tokio::time::timeout(PATIENCE, collect(body, most_bytes)).await {
        Ok(collected) => collected,
        Err(_) => Err(ApiError::too_slow(PATIENCE.as_secs())),
    }
}

async fn collect(mut body: Incoming, most_bytes: u64) -> Result<Vec<u8>, ApiError> {
    let mut all = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| ApiError::malformed("the request breaks off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if (all.len() + data.len()) as u64 > most_bytes {
            return Err(ApiError::too_large(most_bytes));
        }
        all.extend_from_slice(&data);
    }
    Ok(all)
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Reply {
    Whole(Option<Bytes>),
    /// Until the sender is gone.
    Events(UnboundedReceiver<Bytes>),
}

impl Reply {
    pub(super) fn whole(text: impl Into<Bytes>) -> Self {
        Self::Whole(Some(text.into()))
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = match self.get_mut() {
            Self::Whole(text) => Poll::Ready(text.take()),
            Self::Events(events) => events.poll_recv(context),
        };
        data.map(|data| data.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Self::Events(_) => SizeHint::default(),
        }
    }
}
