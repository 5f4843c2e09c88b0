@echo off
rem Removes the service and the program. The configuration stays, unless "uninstall.cmd /purge" is asked for.
rem Run it as administrator.
setlocal
set "name=Netlens"
set "program=%ProgramFiles%\Netlens"
set "data=%ProgramData%\Netlens"
set "events=HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\%name%"

sc query %name% >nul 2>&1
if errorlevel 1 goto files
sc stop %name% >nul 2>&1
for /l %%i in (1,1,30) do (
  sc query %name% | find "STOPPED" >nul && goto stopped
  ping -n 2 127.0.0.1 >nul
)
echo uninstall: the service does not stop 1>&2
exit /b 1

:stopped
sc delete %name% >nul
if errorlevel 1 echo uninstall: the service cannot be removed: run this as administrator 1>&2 & exit /b 1

:files
reg delete "%events%" /f >nul 2>&1
if exist "%program%" rmdir /s /q "%program%"
if exist "%program%" echo uninstall: %program% cannot be removed 1>&2 & exit /b 1
if /i not "%~1"=="/purge" goto kept
if exist "%data%" rmdir /s /q "%data%"
echo Netlens is removed, with its configuration.
exit /b 0

:kept
echo Netlens is removed. Its configuration stays in %data%
exit /b 0
