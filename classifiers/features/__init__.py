"""What a request says about the work it asks for, as neutral values, facts and numbers. Pure; knows no wire dialect."""
