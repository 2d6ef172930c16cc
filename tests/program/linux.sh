#!/bin/bash
. "$(dirname "$0")/tap.sh"
done_testing
