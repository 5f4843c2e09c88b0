@echo off
rem Installs Netlens as a Windows service and starts it; a Netlens that is there is replaced and keeps its configuration.
rem Run it as administrator, from the unpacked folder.
setlocal
set name=Netlens
set program=%ProgramFiles%\Netlens
set data=%ProgramData%\Netlens
set events=HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\%name%
set there=no
set tries=0

sc query %name% >nul 2>&1
if errorlevel 1 goto files
set there=yes
sc stop %name% >nul 2>&1

:wait
sc query %name% | find "STOPPED" >nul
if not errorlevel 1 goto files
set /a tries=tries+1
if %tries% geq 30 goto running
ping -n 2 127.0.0.1 >nul
goto wait

:files
rem A service that has just stopped may still hold its files for a moment.
if not exist "%program%\netlens.exe" goto copy
rmdir /s /q "%program%" >nul 2>&1
if not exist "%program%\netlens.exe" goto copy
set /a tries=tries+1
if %tries% geq 30 goto unwritten
ping -n 2 127.0.0.1 >nul
goto files

:copy
xcopy "%~dp0program" "%program%\" /e /i /q /y >nul
if errorlevel 1 goto unwritten

rem Anybody may make folders in ProgramData, and would stay the owner with rights of his own: only administrators write here,
rem and the service reads.
if not exist "%data%\" mkdir "%data%"
icacls "%data%" /setowner *S-1-5-32-544 /t /q >nul
if errorlevel 1 goto unprotected
icacls "%data%" /reset /t /q >nul
if errorlevel 1 goto unprotected
icacls "%data%" /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F *S-1-5-19:(OI)(CI)RX >nul
if errorlevel 1 goto unprotected
if exist "%data%\netlens.yaml" echo The configuration that is there is kept.
if not exist "%data%\netlens.yaml" copy "%~dp0netlens.yaml" "%data%\netlens.yaml" >nul

rem LocalService has next to no rights on the machine; what Netlens reads here needs none.
if %there%==yes goto registered
sc create %name% binPath= "\"%program%\netlens.exe\" run" start= auto obj= "NT AUTHORITY\LocalService" DisplayName= "Netlens" >nul
if errorlevel 1 goto unregistered

:registered
sc description %name% "Network observability agent: metrics for Prometheus and OTLP" >nul
rem After a crash, or an end with an error, again after 5, 5 and then 60 seconds; a good day starts the row anew.
sc failure %name% reset= 86400 actions= restart/5000/restart/5000/restart/60000 >nul
sc failureflag %name% 1 >nul
reg add "%events%" /v EventMessageFile /t REG_EXPAND_SZ /d "%program%\System.Diagnostics.EventLog.Messages.dll" /f >nul

sc start %name% >nul
if errorlevel 1 goto dead
echo Netlens is installed and started: http://127.0.0.1:9102/metrics
echo Its configuration is %data%\netlens.yaml
exit /b 0

:running
echo install: the service that runs does not stop 1>&2
exit /b 1

:unwritten
echo install: %program% cannot be written: run this as administrator 1>&2
exit /b 1

:unprotected
echo install: the rights of %data% cannot be set 1>&2
exit /b 1

:unregistered
echo install: the service cannot be registered: run this as administrator 1>&2
exit /b 1

:dead
echo install: the service does not start; the event log says why (Application, source %name%) 1>&2
exit /b 1
