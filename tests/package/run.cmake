# Builds and runs the project in this folder: against an installation of BUILD where that is given, and from
# SOURCE otherwise (then only configured, and the smallest library built: the rest was compiled for the other tests).
#   cmake [-DBUILD=...] -DSOURCE=... -DWORK=... -DARGS=... -DPREFIX=... -P run.cmake
# ARGS are separated by "|", the folders of PREFIX by ":".
macro(run)
  message(STATUS "${ARGN}")
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endmacro()

string(REPLACE "|" ";" ARGS "${ARGS}")
set(ENV{CMAKE_PREFIX_PATH} "${WORK}/prefix:${PREFIX}:$ENV{CMAKE_PREFIX_PATH}")
file(REMOVE_RECURSE "${WORK}")
set(project "${WORK}/build")
set(configure ${CMAKE_COMMAND} -S "${CMAKE_CURRENT_LIST_DIR}" -B "${project}" ${ARGS})
if(BUILD)
  run(${CMAKE_COMMAND} --install "${BUILD}" --prefix "${WORK}/prefix")
  run(${configure} "-DDIVVY_TREE=${SOURCE}")
  run(${CMAKE_COMMAND} --build "${project}")
  run("${project}/user")
  run("${project}/user_of_all")
else()
  run(${configure} "-DDIVVY_SOURCE=${SOURCE}")
  run(${CMAKE_COMMAND} --build "${project}" --target divvy_tensor)
endif()
