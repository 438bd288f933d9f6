//! One exchange with the service.

use tcss_export_core::{Answer, Credentials, Now, Prepared, actions::Action, read_answer};

use crate::{
    client::Client, error::SendError, permit::Permit, transport::Transport,
    transport_error::TransportError,
};

impl<T: Transport> Client<T> {
    /// Sends one action exactly once, once the budget allows it, and returns the typed answer.
    ///
    /// # Errors
    ///
    /// A [`SendError`] that says which stage failed. After an error of an action that creates
    /// something, [`SendError::may_have_arrived`] says whether the service may have created it.
    pub async fn send<A: Action>(&self, action: &A) -> Result<Answer<A::Response>, SendError> {
        let prepared = self.session().prepare(action).map_err(SendError::Build)?;
        let (started, credentials) = self.turn(false).await.map_err(SendError::Credentials)?;
        self.send_now::<A>(&prepared, started, &credentials).await
    }

    /// Waits for a turn in the budget, then fetches credentials.
    pub(crate) async fn turn(&self, fresh: bool) -> Result<(Now, Credentials), TransportError> {
        let mut permit = Permit::default();
        loop {
            let now = self.now();
            if let Some(credentials) = permit.start(now.mono, fresh) {
                return Ok((now, credentials));
            }
            permit.prepare(self, fresh, None).await?;
        }
    }

    /// Sends a request that starts now.
    pub(crate) async fn send_now<A: Action>(
        &self,
        prepared: &Prepared,
        started: Now,
        credentials: &Credentials,
    ) -> Result<Answer<A::Response>, SendError> {
        let signed = self.session().sign(prepared, credentials, started.wall);
        let response = self.exchange(signed.map_err(SendError::Build)?, started.mono).await;
        let response = response.map_err(SendError::Transport)?;
        let answer = read_answer::<A>(&response);
        let answered = self.now().mono;
        self.session().note_date(started, answered, response.headers(), &answer);
        answer.map_err(SendError::Answer)
    }
}
