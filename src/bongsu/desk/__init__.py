"""The desk: what answers for the messenger when something does not work.

Owns what all its areas share: who its operators are and what each role may do, the audit log under
its hash chain, the sealing of personal data. An area is a package: notices, reports, assessment,
compensation, investigation, prevention, statements. No SQL, no HTTP.

Promises that an act and its audit entry are one transaction, and that nothing personal is stored
unsealed.
"""
