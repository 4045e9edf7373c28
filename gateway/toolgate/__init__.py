"""Tool calls on their way to the client: held until complete, judged, then released, rewritten or refused.

Pure. `gate` holds and asks; `calls` puts the calls together; `refusal` turns a verdict into what the client gets; one
`mend_*` file per dialect edits the bytes of a reply, streamed or whole, and `mend_neutral` does it where a reply is
translated. Text is never held. The pipeline carries the questions to the judge.
"""
