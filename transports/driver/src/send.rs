//! One exchange with the service.

use tcss_export_core::{
    Answer, Credentials, Now, Prepared,
    actions::Action,
    read_answer,
    wait::{Event, EventKind, Remedy, Retries},
};

use crate::{
    client::Client, error::SendError, permit::Permit, trace::Trace, transport::Transport,
    transport_error::TransportError,
};

impl<T: Transport> Client<T> {
    /// Sends one action exactly once, once the budget allows it, and returns the typed answer.
    ///
    /// # Errors
    ///
    /// A [`SendError`] that says which stage failed. After an error of an action that creates
    /// something, [`SendError::may_have_arrived`] says whether the service may have created it.
    ///
    /// # Examples
    ///
    /// ```
    /// use tcss_export_core::{JobId, actions::{AssetType, CreateExportComplianceStatusListJob}};
    /// use tcss_export_driver::{Client, SendError, Transport};
    ///
    /// async fn create<T: Transport>(client: &Client<T>) -> Result<JobId, SendError> {
    ///     let action = CreateExportComplianceStatusListJob::all(AssetType::HOST);
    ///     Ok(client.send(&action).await?.response.job_id)
    /// }
    /// ```
    pub async fn send<A: Action>(&self, action: &A) -> Result<Answer<A::Response>, SendError> {
        Trace::exchange(A::NAME).sent::<A>(self.attempt(action, false).await)
    }

    /// Sends one action, and repeats it by the rules of a wait while that is safe, within
    /// [`max_wait`](tcss_export_core::wait::Policy::max_wait).
    ///
    /// It is safe if the action is [`READ_ONLY`](Action::READ_ONLY), and otherwise only if the
    /// request certainly had no effect: see [`SendError::may_have_arrived`]. Before each
    /// repetition, `report` gets the error and an event of the kind
    /// [`Retrying`](EventKind::Retrying), whose `poll` is the number of requests so far.
    ///
    /// # Errors
    ///
    /// The [`SendError`] of the last attempt.
    ///
    /// # Examples
    ///
    /// ```
    /// use tcss_export_core::actions::DescribeExportJobManageList;
    /// use tcss_export_driver::{Client, SendError, Transport};
    ///
    /// async fn print_jobs<T: Transport>(client: &Client<T>) -> Result<(), SendError> {
    ///     let list = DescribeExportJobManageList::new().newest_first();
    ///     let report = |_: &_, error: &SendError| eprintln!("{error}; asking again");
    ///     for job in client.send_with_retries(&list, report).await?.response.jobs {
    ///         println!("{:?}", job.job_id);
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn send_with_retries<A: Action>(
        &self,
        action: &A,
        mut report: impl FnMut(&Event, &SendError),
    ) -> Result<Answer<A::Response>, SendError> {
        let mut retries = Retries::new(self.policy(), self.seed(), self.now().mono);
        let (mut fresh, trace) = (false, Trace::exchange(A::NAME));
        loop {
            let before = self.clock_offset();
            let error = match self.attempt(action, fresh).await {
                Ok(answer) => return trace.sent::<A>(Ok(answer)),
                Err(error) => error,
            };
            let clock_offset = Some(self.clock_offset()).filter(|offset| *offset != before);
            let is_safe = A::READ_ONLY || !error.may_have_arrived();
            let fault = error.fault().filter(|_| is_safe);
            let now = self.now().mono;
            let event = fault.and_then(|fault| retries.failed(now, fault, clock_offset));
            let event = event.inspect(|event| report(event, &error));
            event.iter().for_each(|event| trace.polled(None, event, Some(&error)));
            let Some(EventKind::Retrying { remedy, delay, .. }) = event.map(|event| event.kind)
            else {
                return trace.sent::<A>(Err(error));
            };
            let were_missing = fresh && matches!(error, SendError::Credentials(_));
            fresh = were_missing || remedy == Remedy::FreshCredentials;
            self.sleep(delay).await;
        }
    }

    async fn attempt<A: Action>(
        &self,
        action: &A,
        fresh: bool,
    ) -> Result<Answer<A::Response>, SendError> {
        let prepared = self.session().prepare(action).map_err(SendError::Build)?;
        let (started, credentials) =
            self.turn(A::NAME, fresh).await.map_err(SendError::Credentials)?;
        self.send_now::<A>(&prepared, started, &credentials).await
    }

    /// Waits for a turn in the budget of an action, then fetches credentials.
    pub(crate) async fn turn(
        &self,
        action: &'static str,
        fresh: bool,
    ) -> Result<(Now, Credentials), TransportError> {
        let mut permit = Permit::new(action);
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
