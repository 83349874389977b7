"""What is wrong with a world, judged from outside: by what Discord shows, and by what the rows say."""
