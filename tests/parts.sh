# The parts of `./dev test`; sourced by dev, from the top of the tree.
# shellcheck shell=bash

. tests/mysql.sh

passed=0 failed=0 skipped=0
report=() # a line for each step, for the closing summary

# step NAME COMMAND...: runs it, its output to a log of which the end is shown when it fails.
# A last line `N passed, N failed[, N skipped]` gives the counts; without one the step counts as one.
step() {
  local name=$1 log begin line status=0 p=0 f=0 s=0
  shift
  log=build/log/${name//[^a-zA-Z0-9]/-}.txt
  begin=$SECONDS
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
    p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[4]:-0}
    if ((status && f == 0)); then f=1; fi
  elif ((status)); then f=1; else p=1; fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  line=$(printf '%-32s %4d s  %s' "$name" $((SECONDS - begin)) "$(counts "$p" "$f" "$s")")
  report+=("$line")
  say "$line"
  if ((f == 0)); then return 0; fi
  say "---- what failed in $log, and its end"
  grep -E '^\[ +(ERROR|LINE|FAILED) +\]|: error: |ERROR: (Address|Leak|Thread)Sanitizer|^(FAILED|ERROR) ' "$log" | head -n 40 || true
  tail -n "${DEV_LOG_LINES:-80}" "$log"
  say '----'
  return 1
}

counts() {
  if (($3)); then say "$1 passed, $2 failed, $3 skipped"; else say "$1 passed, $2 failed"; fi
}

# not_run NAME WHY: what this machine cannot do is counted and named, never left out
not_run() {
  skipped=$((skipped + 1))
  report+=("$(printf '%-32s NOT RUN: %s' "$1" "$2")")
  say "${report[-1]}"
}

# has_image NAME IMAGE: whether an engine can run it; where not, the step of that name is named as not run
has_image() {
  if ! timeout 10 docker info >/dev/null 2>&1; then
    not_run "$1" 'no docker engine answers'
  elif ! docker image inspect "$2" >/dev/null 2>&1; then
    not_run "$1" "no image $2 here (docker pull $2)"
  else
    return 0
  fi
  return 1
}

# Where unit tests put their stores: into memory where there are 4 GB of it. A disk that is busy lets a store answer after more
# than the 200 ms that are waited for it.
unit_directory() {
  local free
  free=$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)
  if [[ -z ${TMPDIR-} && -w /dev/shm && ${free:-0} -ge 4000000 ]]; then echo /dev/shm; else echo "${TMPDIR:-/tmp}"; fi
}

# run_ctest DIR OPTION...: the counts are those of the single tests, not of the programs
run_ctest() {
  local dir=$1 status=0 log=$1/Testing/Temporary/LastTest.log
  shift
  TMPDIR=$(unit_directory) ctest --test-dir "$dir" --parallel 3 --output-on-failure --no-tests=error "$@" || status=$?
  awk -v status="$status" '
    /^\[  PASSED  \] [0-9]+ test/ { passed += $4 }
    /^\[  FAILED  \] [0-9]+ test/ { failed += $4 }
    /^\[  SKIPPED \] [0-9]+ test/ { skipped += $4 }
    END {
      if (status && !failed) failed = 1
      printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
    }' "$log"
  return "$status"
}

# run_pytest PATH...
run_pytest() {
  local status=0 log
  log=$(mktemp) # two runs may go on at once
  /usr/bin/python3 -m pytest -q -ra -p no:cacheprovider --durations=15 "$@" 2>&1 | tee "$log" || status=$?
  awk -v status="$status" '
    function number(word) { return match($0, "[0-9]+ " word) ? substr($0, RSTART, RLENGTH) + 0 : 0 }
    / in [0-9.]+s/ { passed = number("passed"); skipped = number("skipped"); failed = number("failed") + number("error") }
    END {
      if (status && !failed) failed = 1
      printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
    }' "$log"
  rm "$log"
  return "$status"
}

build_asan() {
  configure build/asan -DCMAKE_BUILD_TYPE=Debug -DSANITIZE=address,undefined && compile build/asan
}

# What somebody who is new here types: gcc warns of more where no sanitizer is on. And what ./dev bench runs.
build_debug() {
  configure build/debug -DCMAKE_BUILD_TYPE=Debug -DBENCH=ON && compile build/debug
}

# With the fuzz targets, which nothing else builds every day.
build_clang() {
  configure build/clang -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang -DFUZZ=ON && compile build/clang
}

# What shares memory between threads.
threaded='^test_(loop|http|verify|sql|redis|guard|durable|ephemeral|changes|cache)_'

build_tsan() {
  configure build/tsan -DCMAKE_BUILD_TYPE=Debug -DSANITIZE=thread || return
  local targets
  mapfile -t targets < <(ninja -C build/tsan -t targets all | sed -n 's/: phony$//p' | grep -E "$threaded")
  compile build/tsan "${targets[@]}"
}

# gcc 12's runtime cannot place its shadow memory where the kernel randomizes addresses widely.
run_tsan() {
  local fixed=()
  if setarch -R true 2>/dev/null; then fixed=(setarch -R); fi
  TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 "${fixed[@]}" "$BASH" "$PWD/dev" ctest-tsan
}

part_asan() {
  step 'unit: gcc build, ASan and UBSan' build_asan && step 'unit: tests' run_ctest build/asan
}

part_debug() {
  step 'unit: gcc build, -Werror' build_debug
}

part_clang() {
  step 'unit: clang build, -Werror' build_clang
}

part_tsan() {
  step 'unit: TSan build' build_tsan && step 'unit: threaded tests, TSan' run_tsan
}

part_unit() {
  local ok=true
  part_asan || ok=false
  part_debug || ok=false
  part_clang || ok=false
  part_tsan || ok=false
  $ok
}

# For what is about times and memory.
build_release() {
  configure build -DCMAKE_BUILD_TYPE=Release -DTESTS=OFF && compile build
}

# --dist loadgroup: what shares a fleet of processes runs on one worker. Tests mostly wait, so there are more workers than
# a small machine has processors.
part_integration() {
  step 'integration: ASan binaries' build_asan || return
  step 'integration: release binaries' build_release || return
  step 'integration: services, clients, browser' run_pytest -n 3 --dist loadgroup tests/integration tests/browser
}

# http: how the running services take what is odd on the wire
part_http() {
  step 'http: ASan binaries' build_asan && step 'http: raw sockets to the services' run_pytest tests/integration/test_http.py
}

part_examples() {
  step 'examples: ASan binaries' build_asan || return
  step 'examples: services in other languages' run_pytest -n 4 --dist loadgroup tests/examples
}

part_lint() {
  step 'lint: scripts' shellcheck -x dev tests/parts.sh .ci/run docker/compose/*.sh kubernetes/make-secrets \
    packaging/build.sh packaging/countersign packaging/debian/* tests/harness/wsrep_sst_harness
  step 'lint: sources' /usr/bin/python3 tests/lint/check.py
  step 'lint: sizes' tests/house --check
  step 'lint: what is said of mutants' tests/mutate/run --stale
  local version
  version=$(clang-format --version | sed 's/.*version \([0-9]*\).*/\1/')
  if [[ $version == 14 ]]; then
    step 'lint: clang-format' check_format
  else
    not_run 'lint: clang-format' "the sources are formatted by clang-format 14; this one is $version"
  fi
}

c_sources() { git ls-files --cached --others --exclude-standard '*.c' '*.h'; }

check_format() {
  local sources
  mapfile -t sources < <(c_sources)
  clang-format --dry-run -Werror "${sources[@]}"
}

check_tidy() {
  build_clang >build/log/tidy-build.txt 2>&1 || { tail build/log/tidy-build.txt; return 1; }
  local sources
  mapfile -t sources < <(c_sources | grep -E '^(common|services)/.*\.c$')
  printf '%s\0' "${sources[@]}" | xargs -0 -n 4 -P 2 clang-tidy -p build/clang --quiet --warnings-as-errors='*'
}

trixie_image=debian:trixie-slim

# Debian 13, on which the images of the services stand, has another compiler, libevent, hiredis and
# cJSON. The image with their packages is kept (its layers are made anew when `dev` changes); the sources are copied in.
# There gcc without sanitizers makes the binaries of the images (compose) and of the packages, so it is not run here.
part_trixie() {
  local name='trixie: unit, http on Debian 13'
  if has_image "$name" $trixie_image; then
    step 'trixie: image with the packages' make_trixie_image &&
      step "$name" run_in_image trixie 1200 dev test asan clang http
  fi
}

# valkey: what speaks Redis's protocol, and is packaged in Debian 13
stores_on_valkey() {
  local name='stores: contract on Valkey'
  if has_image "$name" $trixie_image; then
    step 'stores: image with Valkey' make_valkey_image &&
      step "$name" run_in_image valkey 900 tests/valkey_container.sh
  fi
}

make_valkey_image() {
  make_trixie_image && mkdir -p build/valkey-image &&
    printf 'FROM countersign-test:trixie\nRUN apt-get -qq update && %s && rm -rf /var/lib/apt/lists/*\n' \
      'DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends valkey-server' \
      >build/valkey-image/Dockerfile && timeout 420 docker build -q -t countersign-test:valkey build/valkey-image
}

# run_in_image TAG SECONDS COMMAND...: of a copy of the sources, without a network
run_in_image() {
  local tag=$1 seconds=$2
  shift 2
  { git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null | tar -c -T - ; } |
    timeout "$seconds" docker run --rm -i --init --network none --shm-size 5g "countersign-test:$tag" \
      bash -c 'tar -x -C /countersign && exec "/countersign/$@"' - "$@"
}

make_trixie_image() {
  local context=build/trixie
  mkdir -p "$context"
  cp dev "$context/dev"
  printf 'FROM %s\nCOPY dev /countersign/dev\nRUN /countersign/dev deps --unit && rm -rf /var/lib/apt/lists/*\n' \
    $trixie_image >"$context/Dockerfile"
  timeout 420 docker build -q -t countersign-test:trixie "$context"
}

# Parts that are a folder of pytest files and need more than this script starts.
part_folder() {
  if [[ -d tests/$1 ]]; then
    step "$1: ASan binaries" build_asan && step "$1: release binaries" build_release && step "$1" run_pytest "tests/$1"
  else
    not_run "$1" "there is no tests/$1"
  fi
}

# long: what takes too long for every day
part_long() {
  part_folder long
  step 'long: model of the nonces' build/asan/tests/test_model_nonce_guard long
  step 'long: mistakes that tests must notice' run_mutants
  long_mysqlclient
}

# Some mutants of each file, others each day; `./dev mutate` makes them all.
run_mutants() {
  tests/mutate/run --sample 40 --minutes 20 --workers 2
}

# compose: docker-compose.yml started and used, and the Kubernetes manifests. It needs an engine, its compose plugin and
# the images that docker-compose.yml names; a registry has them, or the machine does.
part_compose() {
  local name='compose: containers, manifests' missing=()
  if ! timeout 20 docker compose version >/dev/null 2>&1 || ! timeout 20 docker info >/dev/null 2>&1; then
    not_run "$name" 'no docker engine with the compose plugin answers'
    return
  fi
  mapfile -t missing < <(missing_images debian:trixie-slim mysql:9.7 redis:8.0 nginx:1.26)
  if ((${#missing[@]})); then
    not_run "$name" "no image ${missing[*]} here (docker pull)"
    return
  fi
  step 'compose: ASan binaries' build_asan && step "$name" run_pytest tests/compose tests/kubernetes/test_manifests.py
}

# pods: those of the Kubernetes manifests, run by podman with images that the docker engine built.
part_pods() {
  local name='pods: of the manifests, by podman'
  if ! command -v podman >/dev/null || ! timeout 20 docker info >/dev/null 2>&1; then
    not_run "$name" 'it needs podman and a docker engine'
  else
    step "$name" run_pytest tests/kubernetes/test_pods.py
  fi
}

# packages: ./dev package's, built, installed, upgraded and removed on Debian 13 with systemd, in a container
part_packages() {
  local name='packages: Debian packages and systemd'
  if has_image "$name" $trixie_image; then
    step 'packages: image with the tools' make_trixie_image && step "$name" run_pytest tests/packaging
  fi
}

missing_images() {
  local image
  for image in "$@"; do docker image inspect "$image" >/dev/null 2>&1 || say "$image"; done
}

test_command() {
  local parts=("$@") part begin=$SECONDS
  if ((${#parts[@]} == 0)); then parts=(lint unit integration examples gateways stores trixie compose pods packages); fi
  for part in "${parts[@]}"; do
    case $part in
      unit | asan | debug | clang | tsan | http | integration | examples | lint | trixie | stores | gateways | compose | pods | packages | long) ;;
      *) die "test: there is no part $part (see ./dev help)" ;;
    esac
  done
  case " ${parts[*]} " in
    *' integration '* | *' examples '* | *' lint '* | *' gateways '* | *' compose '* | *' pods '* | *' packages '* | *' long '*) deps --test ;;
    *) deps --unit ;;
  esac
  mkdir -p build/log
  for part in "${parts[@]}"; do
    case $part in
      gateways) part_folder "$part" || true ;;
      *) "part_$part" || true ;;
    esac
  done
  say
  say "./dev test ${parts[*]}: $((SECONDS - begin)) s"
  printf '  %s\n' "${report[@]}"
  counts "$passed" "$failed" "$skipped"
  ((failed == 0))
}

lint_command() {
  deps --test
  mkdir -p build/log
  case "${1:-}" in
    tidy) check_tidy ;;
    '')
      part_lint || true
      ((failed == 0))
      ;;
    *) die "lint: unknown option $1" ;;
  esac
}

