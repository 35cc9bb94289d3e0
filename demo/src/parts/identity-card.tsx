/** Who one is here: signing in and out. */
import { useState } from 'react'
import { identity } from '../app.ts'
import { problemOfName, signIn } from '../identity.ts'
import { lossOf, type Leaving } from '../leaving.ts'
import { useLeave } from '../use-leave.ts'
import { usePendingCount } from '../use-pending-count.ts'
import { Confirm } from './confirm.tsx'
import { Card } from './page.tsx'
import { TaskNote, useTask } from './task.tsx'

export const IdentityCard = () => (identity.signedIn ? <SignedIn /> : <SignedOut />)

function SignedIn() {
  const [leaving, setLeaving] = useState<Leaving>('keep')
  const leave = useLeave()
  const leavingTask = useTask()
  const loss = lossOf(leaving, usePendingCount())
  return (
    <Card title="Who you are" note="Your name stands beside every Command that you give here.">
      <p className="identity">
        Signed in as <strong>{identity.name}</strong>
      </p>
      <Confirm
        label="Sign out…"
        danger={leaving === 'delete'}
        disabled={leavingTask.busy}
        question={`Sign out, ${identity.name}?`}
        yes={leaving === 'delete' ? 'Sign out and delete' : 'Sign out'}
        no="Stay"
        onYes={() =>
          leavingTask.run(async () => {
            await leave(leaving)
            return 'Signed out.'
          })
        }
      >
        <p className={loss.bad ? 'bad' : ''}>{loss.text}</p>
        <label className="check">
          <input
            type="checkbox"
            checked={leaving === 'delete'}
            onChange={(event) => setLeaving(event.currentTarget.checked ? 'delete' : 'keep')}
          />
          Delete my data from this device as well
        </label>
      </Confirm>
      <TaskNote of={leavingTask} />
    </Card>
  )
}

function SignedOut() {
  const [problem, setProblem] = useState<string>()
  return (
    <Card
      title="Who you are"
      note="You have not signed in. Everyone who does has a copy of the book of their own on this device; this one stays as it is."
    >
      <form
        className="sign-in"
        onSubmit={(event) => {
          event.preventDefault()
          const name = String(new FormData(event.currentTarget).get('name')).trim()
          const wrong = problemOfName(name)
          setProblem(wrong)
          if (wrong === undefined) signIn(name)
        }}
      >
        <label>
          Your name
          <input name="name" required autoComplete="username" spellCheck={false} />
        </label>
        <button type="submit" className="primary">
          Sign in
        </button>
      </form>
      <p className="said" role="status">
        {problem !== undefined && <span className="bad">{problem}</span>}
      </p>
    </Card>
  )
}
