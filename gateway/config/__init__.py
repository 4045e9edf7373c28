"""What an operator may say, as frozen values; where each value came from; and sentences for what is wrong with it.

Pure: text, environment mappings and probe results come in as arguments. Reading files, resolving secrets and probing ports
is the business of `gateway.adapters`.
"""
