"""What every other room builds on: plain, and importing nothing of ours from outside."""
