# The exit code of the step before is in the environment, like every saved value.
test "$ROCKETSHIP_EXIT_CODE" = 0
printf 'countdown' | cksum
